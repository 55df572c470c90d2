// Columns of records that lie one behind the other: what is known of one entry is within one or two cache lines, since most
// of the time of looking at one of many files goes into waiting for memory. Not here: what the fields mean (file-table.ts).

/** Bytes of a record. Fields are at multiples of their size within it. */
export const RECORD_BYTES = 96;

/** The memory of the records, as views of each width. Grows by being replaced. */
class RecordMemory {
  doubles: Float64Array;
  words: Int32Array;
  shorts: Uint16Array;
  bytes: Uint8Array;

  constructor(records: number) {
    const buffer = new ArrayBuffer(records * RECORD_BYTES);
    this.doubles = new Float64Array(buffer, 0);
    this.words = new Int32Array(buffer, 0);
    this.shorts = new Uint16Array(buffer, 0);
    this.bytes = new Uint8Array(buffer, 0);
  }
}

/** The records of a table. */
export class Records {
  #memory: RecordMemory;
  #capacity: number;
  readonly #columns: OwnColumn[] = [];

  constructor(records: number) {
    this.#capacity = records;
    this.#memory = new RecordMemory(records);
  }

  /** Records that there is room for. */
  get capacity(): number {
    return this.#capacity;
  }

  /** A field of eight bytes at an offset in the record. */
  double(at: number): Column {
    return this.#add(new DoubleColumn(at / 8));
  }

  /** A field of four bytes, with a sign. */
  word(at: number): Column {
    return this.#add(new WordColumn(at / 4));
  }

  /** A field of two bytes, without a sign. */
  short(at: number): Column {
    return this.#add(new ShortColumn(at / 2));
  }

  /** A field of one byte, without a sign. */
  byte(at: number): Column {
    return this.#add(new ByteColumn(at));
  }

  #add(column: OwnColumn): Column {
    this.#columns.push(column);
    column.look(this.#memory);
    return column;
  }

  /** Makes room for twice as many. */
  grow(): void {
    const before = this.#memory.doubles;
    this.#capacity *= 2;
    this.#memory = new RecordMemory(this.#capacity);
    for (let index = 0; index < before.length; index++) this.#memory.doubles[index] = before[index]!;
    for (const column of this.#columns) column.look(this.#memory);
  }
}

/** A field of the records. */
export interface Column {
  /** The field of a record. */
  get(record: number): number;
  /** Sets the field of a record. */
  set(record: number, value: number): void;
}

/** As the records know it. */
interface OwnColumn extends Column {
  /** Takes the memory that the records lie in now. */
  look(memory: RecordMemory): void;
}

/** A field of eight bytes. */
class DoubleColumn implements OwnColumn {
  #values: Float64Array = new Float64Array(0);
  readonly #at: number;

  constructor(at: number) {
    this.#at = at;
  }

  look(memory: RecordMemory): void {
    this.#values = memory.doubles;
  }

  /** The field of a record. */
  get(record: number): number {
    return this.#values[record * (RECORD_BYTES / 8) + this.#at]!;
  }

  /** Sets the field of a record. */
  set(record: number, value: number): void {
    this.#values[record * (RECORD_BYTES / 8) + this.#at] = value;
  }
}

/** A field of four bytes, with a sign. */
class WordColumn implements OwnColumn {
  #values: Int32Array = new Int32Array(0);
  readonly #at: number;

  constructor(at: number) {
    this.#at = at;
  }

  look(memory: RecordMemory): void {
    this.#values = memory.words;
  }

  /** The field of a record. */
  get(record: number): number {
    return this.#values[record * (RECORD_BYTES / 4) + this.#at]!;
  }

  /** Sets the field of a record. */
  set(record: number, value: number): void {
    this.#values[record * (RECORD_BYTES / 4) + this.#at] = value;
  }
}

/** A field of two bytes, without a sign. */
class ShortColumn implements OwnColumn {
  #values: Uint16Array = new Uint16Array(0);
  readonly #at: number;

  constructor(at: number) {
    this.#at = at;
  }

  look(memory: RecordMemory): void {
    this.#values = memory.shorts;
  }

  /** The field of a record. */
  get(record: number): number {
    return this.#values[record * (RECORD_BYTES / 2) + this.#at]!;
  }

  /** Sets the field of a record. */
  set(record: number, value: number): void {
    this.#values[record * (RECORD_BYTES / 2) + this.#at] = value;
  }
}

/** A field of one byte, without a sign. */
class ByteColumn implements OwnColumn {
  #values: Uint8Array = new Uint8Array(0);
  readonly #at: number;

  constructor(at: number) {
    this.#at = at;
  }

  look(memory: RecordMemory): void {
    this.#values = memory.bytes;
  }

  /** The field of a record. */
  get(record: number): number {
    return this.#values[record * RECORD_BYTES + this.#at]!;
  }

  /** Sets the field of a record. */
  set(record: number, value: number): void {
    this.#values[record * RECORD_BYTES + this.#at] = value;
  }
}
