// Instructions of x86-64 as bytes (Intel's Software Developer's Manual, volume 2), with jumps as short as they can be. Not here: which instructions (emit.ts).

/** A place in memory as an instruction names it: base, index times 1, 2, 4 or 8, and an offset. */
export interface Address {
  readonly base: number | undefined;
  readonly index: number | undefined;
  readonly scale: number;
  readonly offset: number;
}
/** A register by its number, or a place in memory. */
export type Rm = number | Address;

/** What is put in later: where something of another part is. */
export interface Link {
  at: number;
  readonly kind: 'function' | 'instance' | 'table' | 'functionTable';
  readonly target: number;
}

/** A jump to a label; a condition below 0 is none. */
interface Jump {
  at: number;
  readonly condition: number;
  readonly label: number;
  isLong: boolean;
}

/** Numbers of the eight operations that have the same shapes. */
export const Alu = { add: 0, or: 1, and: 4, sub: 5, xor: 6, cmp: 7 } as const;
export const ShiftCode = { rol: 0, ror: 1, shl: 4, shr: 5, sar: 7 } as const;

const isByteSized = (value: number): boolean => value >= -128 && value <= 127;

/** See the file's head. `size` is bytes of what an instruction works on: 1, 2, 4 or 8. */
export class Assembler {
  #bytes = new Uint8Array(1024);
  #length = 0;
  readonly #jumps: Jump[] = [];
  /** For each label its place, in bytes without jumps, and how many jumps stand before it. */
  readonly #labels: { at: number; jumps: number }[] = [];
  readonly #links: Link[] = [];
  readonly #tables: { readonly labels: readonly number[]; readonly at: number }[] = [];

  /** Bytes as they are. */
  byte(...values: readonly number[]): void {
    for (const value of values) {
      if (this.#length === this.#bytes.length) this.#grow();
      this.#bytes[this.#length++] = value;
    }
  }

  #grow(): void {
    const larger = new Uint8Array(this.#bytes.length * 2);
    for (let index = 0; index < this.#length; index++) larger[index] = this.#bytes[index]!;
    this.#bytes = larger;
  }

  /** A number of 32 bits, little-endian. */
  long(value: number): void {
    this.byte(value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255);
  }

  #wide(value: bigint): void {
    for (let index = 0; index < 8; index++) this.byte(Number((value >> BigInt(index * 8)) & 255n));
  }

  /**
   * One instruction of the general shape: prefix, REX, opcode, ModRM and what that needs.
   * @param register what stands in ModRM's `reg`: a register, or a part of the opcode @param bytes whether `register` (1) or `rm` (2) is one of 8 bits
   */
  op(opcode: readonly number[], register: number, rm: Rm, size: number, bytes = 0, prefix = 0): void {
    if (prefix !== 0) this.byte(prefix);
    if (size === 2) this.byte(0x66);
    let rex = (size === 8 ? 8 : 0) | (register >= 8 ? 4 : 0);
    if (typeof rm === 'number') rex |= rm >= 8 ? 1 : 0;
    else rex |= ((rm.index ?? 0) >= 8 ? 2 : 0) | ((rm.base ?? 0) >= 8 ? 1 : 0);
    const needsRex = ((bytes & 1) !== 0 && register >= 4) || ((bytes & 2) !== 0 && typeof rm === 'number' && rm >= 4);
    if (rex !== 0 || needsRex) this.byte(0x40 | rex);
    this.byte(...opcode);
    this.#modRm(register & 7, rm);
  }

  #modRm(register: number, rm: Rm): void {
    if (typeof rm === 'number') {
      this.byte(0xc0 | (register << 3) | (rm & 7));
      return;
    }
    const { base, index, offset } = rm;
    const scale = Math.log2(rm.scale);
    if (base === undefined) {
      this.byte((register << 3) | 4, (scale << 6) | (((index ?? 4) & 7) << 3) | 5);
      this.long(offset);
      return;
    }
    const mode = offset === 0 && (base & 7) !== 5 ? 0 : isByteSized(offset) ? 1 : 2;
    if (index === undefined && (base & 7) !== 4) this.byte((mode << 6) | (register << 3) | (base & 7));
    else this.byte((mode << 6) | (register << 3) | 4, (scale << 6) | (((index ?? 4) & 7) << 3) | (base & 7));
    if (mode === 1) this.byte(offset & 255);
    else if (mode === 2) this.long(offset);
  }

  /** One of {@link Alu}: register with register or memory. */
  alu(operation: number, register: number, rm: Rm, size: number): void {
    this.op([operation * 8 + (size === 1 ? 2 : 3)], register, rm, size, size === 1 ? 3 : 0);
  }

  /** The same, memory with a register. */
  aluTo(operation: number, rm: Rm, register: number, size: number): void {
    this.op([operation * 8 + (size === 1 ? 0 : 1)], register, rm, size, size === 1 ? 3 : 0);
  }

  /** The same, with a number of up to 32 bits. */
  aluNumber(operation: number, rm: Rm, value: number, size: number): void {
    // One byte shorter: inc and dec.
    if (operation === Alu.add && (value === 1 || value === -1)) {
      this.op([size === 1 ? 0xfe : 0xff], value === 1 ? 0 : 1, rm, size, size === 1 ? 2 : 0);
      return;
    }
    // By one byte the other way around; nobody looks at the flags of a sum.
    if (operation === Alu.add && value === 128 && size > 1) {
      this.aluNumber(Alu.sub, rm, -128, size);
      return;
    }
    if (size === 1) {
      this.op([0x80], operation, rm, size, 2);
      this.byte(value & 255);
      return;
    }
    if (isByteSized(value)) {
      this.op([0x83], operation, rm, size);
      this.byte(value & 255);
      return;
    }
    if (rm === 0 && size !== 2) this.byte(...(size === 8 ? [0x48] : []), operation * 8 + 5);
    else this.op([0x81], operation, rm, size);
    if (size === 2) this.byte(value & 255, (value >> 8) & 255);
    else this.long(value);
  }

  /** A register's value from a register or memory. */
  move(register: number, rm: Rm, size: number): void {
    this.op([0x8b], register, rm, size);
  }

  /** To memory. */
  store(rm: Rm, register: number, size: number): void {
    this.op([size === 1 ? 0x88 : 0x89], register, rm, size, size === 1 ? 1 : 0);
  }

  /** A number to memory, of 64 bits one of 32 with its sign. */
  storeNumber(rm: Rm, value: number, size: number): void {
    this.op([size === 1 ? 0xc6 : 0xc7], 0, rm, size);
    if (size === 1) this.byte(value & 255);
    else if (size === 2) this.byte(value & 255, (value >> 8) & 255);
    else this.long(value);
  }

  /** A number into a register, in the shortest way that leaves flags as they are. */
  moveNumber(register: number, value: bigint, size: number): void {
    const bits = BigInt.asUintN(size * 8, value);
    if (bits <= 0xffff_ffffn) {
      if (register >= 8) this.byte(0x41);
      this.byte(0xb8 | (register & 7));
      this.long(Number(BigInt.asIntN(32, bits)));
      return;
    }
    const signed = BigInt.asIntN(64, value);
    if (signed >= -0x8000_0000n && signed < 0) {
      this.op([0xc7], 0, register, 8);
      this.long(Number(signed));
      return;
    }
    this.byte(register >= 8 ? 0x49 : 0x48, 0xb8 | (register & 7));
    this.#wide(bits);
  }

  /** A smaller value, with zeros or its sign above it. @param size of the target @param from of the source */
  extend(register: number, rm: Rm, size: number, from: number, isSigned: boolean): void {
    if (from === 4) {
      isSigned ? this.op([0x63], register, rm, 8) : this.move(register, rm, 4);
      return;
    }
    this.op(
      [0x0f, (isSigned ? 0xbe : 0xb6) + (from === 2 ? 1 : 0)],
      register,
      rm,
      isSigned ? size : 4,
      from === 1 ? 2 : 0,
    );
  }

  /** The sum of an address's parts (lea). */
  address(register: number, of: Address, size: number): void {
    this.op([0x8d], register, of, size);
  }

  /** A call's or a part's address relative to here. */
  addressOf(register: number, kind: Link['kind'], target: number): void {
    this.byte(register >= 8 ? 0x4c : 0x48, 0x8d, ((register & 7) << 3) | 5);
    this.link(kind, target);
  }

  /** A register times a register or memory. */
  multiply(register: number, rm: Rm, size: number): void {
    this.op([0x0f, 0xaf], register, rm, size);
  }

  /** A register or memory times a number of up to 32 bits, into a register. */
  multiplyNumber(register: number, rm: Rm, value: number, size: number): void {
    this.op([isByteSized(value) ? 0x6b : 0x69], register, rm, size);
    if (isByteSized(value)) this.byte(value & 255);
    else this.long(value);
  }

  /** One of {@link ShiftCode}, by a number. */
  shift(operation: number, rm: Rm, by: number, size: number): void {
    this.op([by === 1 ? 0xd1 : 0xc1], operation, rm, size);
    if (by !== 1) this.byte(by);
  }

  /** The same, by what is in cl. */
  shiftByCl(operation: number, rm: Rm, size: number): void {
    this.op([0xd3], operation, rm, size);
  }

  /** not (2), neg (3), mul (4), div (6), idiv (7). */
  group3(operation: number, rm: Rm, size: number): void {
    this.op([0xf7], operation, rm, size);
  }

  /** Flags of what both have in common. */
  test(rm: Rm, register: number, size: number): void {
    this.op([size === 1 ? 0x84 : 0x85], register, rm, size, size === 1 ? 3 : 0);
  }

  /** The same, with a number of up to 32 bits. */
  testNumber(rm: Rm, value: number, size: number): void {
    if (rm === 0 && size !== 2) this.byte(...(size === 8 ? [0x48] : []), size === 1 ? 0xa8 : 0xa9);
    else this.op([size === 1 ? 0xf6 : 0xf7], 0, rm, size, size === 1 ? 2 : 0);
    if (size === 1) this.byte(value & 255);
    else this.long(value);
  }

  /** A byte of 0 or 1 for a condition. */
  set(condition: number, register: number): void {
    this.op([0x0f, 0x90 | condition], 0, register, 4, 2);
  }

  /** A value into a register where a condition is so. */
  moveIf(condition: number, register: number, rm: Rm, size: number): void {
    this.op([0x0f, 0x40 | condition], register, rm, size);
  }

  /** A register onto the stack. */
  push(register: number): void {
    this.byte(...(register >= 8 ? [0x41] : []), 0x50 | (register & 7));
  }

  /** A register from the stack. */
  pop(register: number): void {
    this.byte(...(register >= 8 ? [0x41] : []), 0x58 | (register & 7));
  }

  /** An instruction of SSE with a mandatory prefix (0xf2, 0x66, 0: none). */
  sse(prefix: number, opcode: number, register: number, rm: Rm, size = 4): void {
    this.op([0x0f, opcode], register, rm, size, 0, prefix);
  }

  /** A number with a fraction, to or from a register; nothing where it is there already. */
  moveFloat(to: Rm, from: Rm): void {
    if (typeof to !== 'number') {
      if (typeof from !== 'number') throw new TypeError('one of both is a register');
      this.sse(0xf2, 0x11, from, to);
    } else if (typeof from !== 'number') this.sse(0xf2, 0x10, to, from);
    else if (to !== from) this.sse(0, 0x28, to, from);
  }

  /** A call of a function. */
  call(target: number): void {
    this.byte(0xe8);
    this.link('function', target);
  }

  /** A jump to the start of another function. */
  jumpTo(target: number): void {
    this.byte(0xe9);
    this.link('function', target);
  }

  /** 32 bits, to be what is from their end to something. */
  link(kind: Link['kind'], target: number): void {
    this.#links.push({ at: this.#length, kind, target });
    this.long(0);
  }

  /** A label; {@link bind} says where it is. */
  label(): number {
    return this.#labels.push({ at: -1, jumps: 0 }) - 1;
  }

  /** Says that a label is here. */
  bind(label: number): void {
    this.#labels[label] = { at: this.#length, jumps: this.#jumps.length };
  }

  /** @param condition of the jump; below 0: always */
  jump(condition: number, label: number): void {
    this.#jumps.push({ at: this.#length, condition, label, isLong: false });
  }

  /** A table of where labels are, relative to its own start; its number is what `link('table', ...)` takes. */
  table(labels: readonly number[]): number {
    return this.#tables.push({ labels, at: 0 }) - 1;
  }

  /** All of it as bytes, and what is still to be put in. Tables stand behind the code. */
  finish(): { readonly bytes: Uint8Array; readonly links: readonly Link[] } {
    const starts = this.#settle();
    const jumpBytes = starts[this.#jumps.length]!;
    const codeBytes = this.#length + jumpBytes;
    const tablesAt = (codeBytes + 3) & ~3;
    const total = this.#tables.reduce(
      (sum, { labels }) => sum + labels.length * 4,
      this.#tables.length > 0 ? tablesAt : codeBytes,
    );
    const bytes = new Uint8Array(total);
    const view = new DataView(bytes.buffer);
    const placeOf = (label: number): number => this.#labels[label]!.at + starts[this.#labels[label]!.jumps]!;
    let from = 0;
    for (const [index, jump] of this.#jumps.entries()) {
      for (; from < jump.at; from++) bytes[from + starts[index]!] = this.#bytes[from]!;
      writeJump(view, jump.at + starts[index]!, jump, placeOf(jump.label));
    }
    for (; from < this.#length; from++) bytes[from + jumpBytes] = this.#bytes[from]!;
    const tableStarts: number[] = [];
    let at = tablesAt;
    for (const { labels } of this.#tables) {
      tableStarts.push(at);
      for (const [index, label] of labels.entries()) view.setInt32(at + index * 4, placeOf(label) - at, true);
      at += labels.length * 4;
    }
    const links: Link[] = [];
    let before = 0;
    for (const link of this.#links) {
      while (before < this.#jumps.length && this.#jumps[before]!.at <= link.at) before++;
      const place = link.at + starts[before]!;
      if (link.kind === 'table') view.setInt32(place, tableStarts[link.target]! - place - 4, true);
      else links.push({ ...link, at: place });
    }
    return { bytes, links };
  }

  /** Makes jumps long until all reach. Returns how many bytes of jumps are before each. */
  #settle(): Int32Array {
    const starts = new Int32Array(this.#jumps.length + 1);
    for (let hasChanged = true; hasChanged; ) {
      hasChanged = false;
      for (const [index, jump] of this.#jumps.entries()) starts[index + 1] = starts[index]! + jumpSize(jump);
      for (const [index, jump] of this.#jumps.entries()) {
        if (jump.isLong) continue;
        const { at, jumps } = this.#labels[jump.label]!;
        const distance = at + starts[jumps]! - (jump.at + starts[index + 1]!);
        if (isByteSized(distance)) continue;
        jump.isLong = true;
        hasChanged = true;
      }
    }
    return starts;
  }
}

function jumpSize({ isLong, condition }: Jump): number {
  if (!isLong) return 2;
  return condition < 0 ? 5 : 6;
}

function writeJump(view: DataView, at: number, jump: Jump, target: number): void {
  const distance = target - at - jumpSize(jump);
  if (!jump.isLong) {
    view.setUint8(at, jump.condition < 0 ? 0xeb : 0x70 | jump.condition);
    view.setInt8(at + 1, distance);
    return;
  }
  if (jump.condition < 0) view.setUint8(at, 0xe9);
  else view.setUint16(at, 0x0f80 | jump.condition);
  view.setInt32(at + (jump.condition < 0 ? 1 : 2), distance, true);
}
