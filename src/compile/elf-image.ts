// An ELF file that is loaded as it says (System V Application Binary Interface, chapter 5), of segments alone. Not here: what is in them (link-image.ts).

/** A part of the file, and what it is in memory: behind `bytes` there are zeros up to `length`. One that is no {@link load} is a place within another. */
export interface Segment {
  readonly type: number;
  readonly rights: number;
  readonly from: number;
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly align: number;
}

/** What a segment is for. */
export const SegmentType = { load: 1, note: 4 } as const;

const headerBytes = 64;
const segmentHeaderBytes = 56;
const align = 16;

/** The file. The same segments give the same bytes. */
export function writeElf(segments: readonly Segment[], entry: number): Uint8Array {
  let end = headerBytes + segments.length * segmentHeaderBytes;
  const placed = segments.map((segment) => {
    if (segment.bytes.length === 0) return { ...segment, offset: 0 };
    const offset = Math.ceil(end / align) * align;
    end = offset + segment.bytes.length;
    return { ...segment, offset };
  });
  const within = placed.map((segment) => {
    if (segment.type === SegmentType.load) return segment;
    const around = placed.find(
      ({ type, from, length }) => type === SegmentType.load && from <= segment.from && segment.from < from + length,
    )!;
    return { ...segment, offset: around.offset + segment.from - around.from };
  });
  const file = new Uint8Array(end);
  const view = new DataView(file.buffer);
  for (const [index, byte] of [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1].entries()) file[index] = byte;
  const shorts = [
    [16, 2],
    [18, 62],
    [52, headerBytes],
    [54, segmentHeaderBytes],
    [56, segments.length],
    [58, 64],
  ] as const;
  for (const [at, value] of shorts) view.setUint16(at, value, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(entry), true);
  view.setBigUint64(32, BigInt(headerBytes), true);
  for (const [index, { type, rights, from, bytes, length, align: own, offset }] of within.entries()) {
    for (let byte = 0; byte < bytes.length; byte++) file[offset + byte] = bytes[byte]!;
    const at = headerBytes + index * segmentHeaderBytes;
    view.setUint32(at, type, true);
    view.setUint32(at + 4, rights, true);
    const inFile = type === SegmentType.load ? bytes.length : length;
    for (const [field, value] of [offset, from, from, inFile, length, own].entries())
      view.setBigUint64(at + 8 + field * 8, BigInt(value), true);
  }
  return file;
}
