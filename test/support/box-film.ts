// Films out of boxes that a test states: honest ones, and ones whose tables lie. Nothing is checked here, and no sample is a picture.
// Not here: films with pictures and sound (films.ts), long ones (long-film.ts).

/** Big-endian numbers: 8, 16, 32 or 64 bits, by the name. */
export const bytes = {
  u8: (...values: number[]) => Buffer.from(values),
  u16: (...values: number[]) => numbers(values, 2, (buffer, value, at) => buffer.writeUInt16BE(value & 0xffff, at)),
  u32: (...values: number[]) => numbers(values, 4, (buffer, value, at) => buffer.writeUInt32BE(value >>> 0, at)),
  u64: (...values: number[]) => numbers(values, 8, (buffer, value, at) => buffer.writeBigInt64BE(BigInt(value), at)),
};

function numbers(values: number[], size: number, write: (buffer: Buffer, value: number, at: number) => void): Buffer {
  const buffer = Buffer.alloc(values.length * size);
  for (const [index, value] of values.entries()) write(buffer, value, index * size);
  return buffer;
}

type Part = Uint8Array | string;

/** Parts one behind the other; strings are characters. */
export function joined(...parts: Part[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
}

/** A box of parts. */
export function box(type: string, ...parts: Part[]): Buffer {
  const payload = joined(...parts);
  return joined(bytes.u32(payload.length + 8), type, payload);
}

/** A box with version and flags. */
export function fullBox(type: string, version: number, flags: number, ...parts: Part[]): Buffer {
  return box(type, bytes.u32(((version << 24) | flags) >>> 0), ...parts);
}

const matrix = bytes.u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);

/** `avc1` with a configuration of four bytes. */
export const avc1 = box(
  'avc1',
  bytes.u8(0, 0, 0, 0, 0, 0, 0, 1),
  Buffer.alloc(16),
  bytes.u16(640, 360),
  Buffer.alloc(50),
  box('avcC', bytes.u8(1, 0x64, 0, 0x1f, 0xff)),
);

/** `Opus` with its configuration. */
export const opus = box(
  'Opus',
  bytes.u8(0, 0, 0, 0, 0, 0, 0, 1),
  Buffer.alloc(8),
  bytes.u16(2, 16, 0, 0),
  bytes.u32(48_000 * 0x10000),
  box('dOps', bytes.u8(0, 2, 1, 56, 0, 0, 0xbb, 0x80, 0, 0, 0)),
);

/** A track; what is not stated is honest. */
export interface BoxTrack {
  readonly id?: number;
  readonly handler?: string;
  readonly timescale?: number;
  readonly entries?: readonly Uint8Array[];
  /** The boxes of `stbl` behind `stsd`. */
  readonly tables: readonly Uint8Array[];
  /** Further boxes of `trak`. */
  readonly more?: readonly Uint8Array[];
  /** Further boxes of `mdia`, and of `minf`. */
  readonly media?: readonly Uint8Array[];
  readonly information?: readonly Uint8Array[];
}

/** `trak`. */
export function trak({
  id = 1,
  handler = 'vide',
  timescale = 1000,
  entries,
  tables,
  more = [],
  media = [],
  information = [],
}: BoxTrack): Buffer {
  const own = entries ?? [handler === 'soun' ? opus : avc1];
  return box(
    'trak',
    fullBox('tkhd', 0, 3, bytes.u32(0, 0, id, 0, 0, 0, 0, 0, 0), matrix, bytes.u32(640 * 0x10000, 360 * 0x10000)),
    ...more,
    box(
      'mdia',
      fullBox('mdhd', 0, 0, bytes.u32(0, 0, timescale, 0), bytes.u16(0x55c4, 0)),
      ...media,
      fullBox('hdlr', 0, 0, bytes.u32(0), handler, Buffer.alloc(13)),
      box('minf', ...information, box('stbl', fullBox('stsd', 0, 0, bytes.u32(own.length), ...own), ...tables)),
    ),
  );
}

/** Tables of a track, as numbers; what is not given is not there. */
export interface BoxTables {
  readonly stts?: readonly (readonly [samples: number, delta: number])[];
  readonly ctts?: readonly (readonly [samples: number, offset: number])[];
  readonly stsc?: readonly (readonly [first: number, samples: number, description: number])[];
  readonly stsz?: readonly number[];
  readonly stco?: readonly number[];
  readonly co64?: readonly number[];
  readonly stss?: readonly number[];
}

/** The boxes of tables. */
export function tableBoxes({ stts, ctts, stsc, stsz, stco, co64, stss }: BoxTables): Buffer[] {
  const table = (type: string, rows: readonly (readonly number[])[] | undefined): Buffer[] =>
    rows === undefined ? [] : [fullBox(type, 0, 0, bytes.u32(rows.length, ...rows.flat()))];
  return [
    ...table('stts', stts),
    ...table('ctts', ctts),
    ...table(
      'stss',
      stss?.map((sample) => [sample]),
    ),
    ...table('stsc', stsc),
    ...(stsz === undefined ? [] : [fullBox('stsz', 0, 0, bytes.u32(0, stsz.length, ...stsz))]),
    ...table(
      'stco',
      stco?.map((offset) => [offset]),
    ),
    ...(co64 === undefined ? [] : [fullBox('co64', 0, 0, bytes.u32(co64.length), bytes.u64(...co64))]),
  ];
}

/** `ftyp` and `moov` of tracks, with further boxes of `moov`. */
export function movie(traks: readonly Uint8Array[], ...more: Uint8Array[]): Buffer {
  const mvhd = fullBox(
    'mvhd',
    0,
    0,
    bytes.u32(0, 0, 1000, 0, 0x10000),
    Buffer.alloc(12),
    matrix,
    Buffer.alloc(24),
    bytes.u32(9),
  );
  return joined(box('ftyp', 'isom', bytes.u32(0), 'isom'), box('moov', mvhd, ...traks, ...more));
}
