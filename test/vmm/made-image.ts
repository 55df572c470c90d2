// Images made by hand, of the form that docs/vm.md describes and nothing more: a program that says that it has begun and traps, and a handler that a test chooses. For guests that
// end in ways that the images of src/image/ do not.

/** Where things are in a made image. */
const Place = {
  text: 0x10_0000,
  emptyTable: 0x10_0080,
  trapTable: 0x10_0100,
  data: 0x10_1000,
  stackTop: 0x10_3000,
  processor: 0x10_4000,
  /** Beneath the traps' stack is a page that is not there. */
  trapStack: 0x10_9000,
} as const;
const pageBytes = 0x1000;

/** Handlers of traps, which run at CPL 0. */
export const handlers = {
  /** lidt of a table of no entries, then ud2. */
  emptyTable: [0x0f, 0x01, 0x1c, 0x25, 0x80, 0x00, 0x10, 0x00, 0x0f, 0x0b],
  /** ud2, and again, until the stack is at its end. */
  trap: [0x0f, 0x0b],
  /** jmp to itself. */
  never: [0xeb, 0xfe],
} as const;

/** An image whose traps come to a handler. @param hasStack false: their stack is where nobody can write */
export function madeImage(handler: readonly number[], hasStack = true): Buffer {
  const parts = [
    { flags: 5, address: Place.text, byteLength: pageBytes },
    { flags: 6, address: Place.data, byteLength: 2 * pageBytes },
    { flags: 0x10_0006, address: Place.processor, byteLength: 4 * pageBytes },
    { flags: 0x10_0006, address: Place.trapStack, byteLength: pageBytes },
  ];
  const file = Buffer.alloc(2 * pageBytes);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(2, 16);
  file.writeUInt16LE(62, 18);
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(parts.length + 1, 56);
  const header = (index: number, type: number, flags: number, offset: number, address: number, sizes: number[]) => {
    const at = 64 + index * 56;
    file.writeUInt32LE(type, at);
    file.writeUInt32LE(flags, at + 4);
    for (const [field, value] of [offset, address, address, ...sizes].entries())
      file.writeBigUInt64LE(BigInt(value), at + 8 + field * 8);
  };
  for (const [index, { flags, address, byteLength }] of parts.entries())
    header(index, 1, flags, pageBytes, address, [index === 0 ? pageBytes : 0, byteLength]);
  const noteAt = 0x800;
  header(parts.length, 4, 4, noteAt, 0, [12 + 12 + 72, 0]);
  file.writeUInt32LE(9, noteAt);
  file.writeUInt32LE(72, noteAt + 4);
  file.writeUInt32LE(1, noteAt + 8);
  file.write('Clearway\0', noteAt + 12);
  file.writeUInt32LE(1, noteAt + 24);
  const trapStackTop = hasStack ? Place.trapStack + pageBytes : Place.text + 0xff0;
  const places = [Place.text, Place.stackTop, Place.data, Place.trapTable];
  const tables = [Place.processor, Place.processor + 512, Place.processor + 1024];
  for (const [index, place] of [...places, ...tables, trapStackTop].entries())
    file.writeBigUInt64LE(BigInt(place), noteAt + 32 + index * 8);
  // The program: `mov $0x3f8, %dx`, a `mov` and an `out` for each letter, ud2.
  const letters = Array.from('made: begun\n', (letter) => [0xb0, letter.charCodeAt(0), 0xee]);
  file.set([0x66, 0xba, 0xf8, 0x03, ...letters.flat(), 0x0f, 0x0b], pageBytes);
  for (let vector = 0; vector < 32; vector++) file.set(handler, pageBytes + Place.trapTable - Place.text + vector * 16);
  return file;
}
