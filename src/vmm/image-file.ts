// Images: ELF files of the form that docs/vm.md describes. What a file says of itself is checked before anything of it is put anywhere. Not here: how the
// machine is set up for one (boot.ts).

/** A part of an image, and the rights that the program has in it. */
export interface ImagePart {
  readonly address: number;
  readonly bytes: Uint8Array;
  /** Of its memory: what lies behind `bytes` is 0. */
  readonly byteLength: number;
  readonly isWritable: boolean;
  readonly isExecutable: boolean;
  /** The processor uses it, and the program may not. */
  readonly isForProcessor: boolean;
}

/** What an image says of itself. */
export interface Image {
  readonly parts: readonly ImagePart[];
  /** Where the program begins at CPL 3, and its stack's end. */
  readonly entry: number;
  readonly stackTop: number;
  /** Where the monitor writes what the guest is told. */
  readonly bootBlock: number;
  /** 32 entries of 16 bytes for traps, and room for the processor's tables. */
  readonly trapTable: number;
  readonly idt: number;
  readonly gdt: number;
  readonly tss: number;
  readonly trapStackTop: number;
}

/** Where images are, in the machine and for the program. */
export const imageBase = 0x10_0000;
export const imageEnd = 0x20_0000;

/** A file that is no image; the message says why. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly code = 'CLEARWAY_IMAGE';
}

const refuse = (why: string): never => {
  throw new ImageError(why);
};

const Header = { load: 1, note: 4 } as const;
const Right = { execute: 1, write: 2, processor: 0x10_0000 } as const;

/** The fields of one program header, all in numbers that are exact. */
function headerAt(file: DataView, at: number) {
  const long = (place: number): number => {
    const value = file.getBigUint64(at + place, true);
    return value <= 0xffff_ffffn ? Number(value) : refuse('it has a part beyond 4 GiB');
  };
  const [type, flags] = [file.getUint32(at, true), file.getUint32(at + 4, true)];
  return { type, flags, offset: long(8), address: long(24), fileBytes: long(32), byteLength: long(40) };
}

/** The description of a note of ours. */
function noteOf(file: DataView, from: number, to: number): DataView | undefined {
  for (let at = from; at + 12 <= to; ) {
    const nameBytes = file.getUint32(at, true);
    const bytes = file.getUint32(at + 4, true);
    const name = at + 12;
    const description = name + ((nameBytes + 3) & ~3);
    const next = description + ((bytes + 3) & ~3);
    if (nameBytes > 64 || bytes > 4096 || next > to) return undefined;
    let text = '';
    for (let index = 0; index + 1 < nameBytes; index++) text += String.fromCharCode(file.getUint8(name + index));
    if (text === 'Clearway' && file.getUint32(at + 8, true) === 1)
      return new DataView(file.buffer, file.byteOffset + description, bytes);
    at = next;
  }
  return undefined;
}

/** Reads an image. The bytes stay the caller's, and are referred to. @throws ImageError */
export function readImage(bytes: Uint8Array): Image {
  const file = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 64 || file.getUint32(0) !== 0x7f45_4c46) refuse('it is no ELF file');
  if (bytes[4] !== 2 || bytes[5] !== 1 || file.getUint16(18, true) !== 62) refuse('it is not for x86-64');
  const table = Number(file.getBigUint64(32, true));
  const count = file.getUint16(56, true);
  if (file.getUint16(54, true) !== 56 || count > 64 || table + count * 56 > bytes.length)
    refuse('its headers lie outside');
  const parts: ImagePart[] = [];
  let note: DataView | undefined;
  for (let index = 0; index < count; index++) {
    const header = headerAt(file, table + index * 56);
    if (header.offset + header.fileBytes > bytes.length) refuse('a part of it lies outside of the file');
    if (header.type === Header.note) note ??= noteOf(file, header.offset, header.offset + header.fileBytes);
    if (header.type === Header.load) parts.push(partOf(header, bytes));
  }
  if (note === undefined || note.byteLength < 72 || note.getUint32(0, true) !== 1)
    return refuse('it has no note of Clearway: docs/vm.md says what an image is');
  const place = (at: number, room: number): number => {
    const address = Number(note.getBigUint64(at, true));
    const isInside = parts.some((part) => address >= part.address && address + room <= part.address + part.byteLength);
    return isInside ? address : refuse('its note names a place outside of it');
  };
  return {
    parts,
    entry: place(8, 1),
    stackTop: place(16, 0),
    bootBlock: place(24, 64 + 2048),
    trapTable: place(32, 512),
    idt: place(40, 512),
    gdt: place(48, 64),
    tss: place(56, 104 + 8193),
    trapStackTop: place(64, 0),
  };
}

function partOf(header: ReturnType<typeof headerAt>, bytes: Uint8Array): ImagePart {
  const { address, offset, fileBytes, byteLength, flags } = header;
  if (address < imageBase || address + byteLength > imageEnd || fileBytes > byteLength)
    refuse('a part of it is not between 1 and 2 MiB');
  return {
    address,
    bytes: bytes.subarray(offset, offset + fileBytes),
    byteLength,
    isWritable: (flags & Right.write) !== 0,
    isExecutable: (flags & Right.execute) !== 0,
    isForProcessor: (flags & Right.processor) !== 0,
  };
}
