// From a path such as `__sk_common.skc_family` to the byte (and bit) where the running kernel keeps it.
// Members of anonymous structs and unions are found by name alone, as in C.

import { wrongArgument } from '../text/coded.js';
import { BtfKind } from './btf-format.js';
import { MissingTypeError } from './refusals.js';

/** One member of a struct or union. `bitSize` is 0 where the member is no bitfield. */
export interface Member {
  readonly name: string;
  readonly typeId: number;
  readonly bitOffset: number;
  readonly bitSize: number;
}

/** What a field is looked up in: of `Btf` what is asked here. */
export interface FieldTypes {
  /** The id of a struct by name. @throws MissingTypeError */
  struct(name: string): number;
  /** A type's kind, {@link BtfKind}. */
  kind(id: number): number;
  /** The type below typedefs and qualifiers. */
  strip(id: number): number;
  /** Bytes of a type. */
  size(id: number): number;
  signed(id: number): boolean;
  members(id: number): readonly Member[];
  array(id: number): { readonly elementTypeId: number };
}

/** Where a field lies in its struct. */
export interface Field {
  /** Bytes from the start of the struct to the field (for a bitfield, to its load unit). */
  readonly offset: number;
  /** Bytes to load: 1, 2, 4 or 8 for what fits a register, the whole size for a struct or an array. */
  readonly size: number;
  /** For a bitfield: how far to shift right after the load, and how many bits to keep. `bitSize` 0: no bitfield. */
  readonly bitShift: number;
  readonly bitSize: number;
  readonly signed: boolean;
  readonly typeId: number;
}

const step = /^([A-Za-z_][A-Za-z0-9_]*)(?:\[(\d+)\])?$/;

/** Resolves a dotted path with optional array indices; see `Btf.field`. @throws MissingTypeError */
export function resolveField(types: FieldTypes, structName: string, path: string): Field {
  let typeId = types.struct(structName);
  let bitOffset = 0;
  let bitSize = 0;
  for (const part of path.split('.')) {
    const match = step.exec(part);
    if (match === null) throw wrongArgument(`"${part}" in ${structName}.${path} is no field name`, TypeError);
    const member = findMember(types, types.strip(typeId), match[1]!, 0);
    if (member === undefined) throw new MissingTypeError(`${structName}.${path}`, 'no-field');
    bitOffset += member.bitOffset;
    bitSize = member.bitSize;
    typeId = member.typeId;
    if (match[2] !== undefined) {
      const element = types.array(types.strip(typeId));
      typeId = element.elementTypeId;
      bitOffset += Number(match[2]) * types.size(typeId) * 8;
    }
  }
  return place(types, typeId, bitOffset, bitSize);
}

/** Finds a member by name, looking through anonymous members; its bit offset is from the start of the outer struct. */
function findMember(types: FieldTypes, structId: number, name: string, base: number): Member | undefined {
  const kind = types.kind(structId);
  if (kind !== BtfKind.struct && kind !== BtfKind.union) return undefined;
  for (const member of types.members(structId)) {
    if (member.name === name) return { ...member, bitOffset: base + member.bitOffset };
    if (member.name !== '') continue;
    const inner = findMember(types, types.strip(member.typeId), name, base + member.bitOffset);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** A bitfield is read by the smallest aligned load that holds it all: the verifier allows it, and no neighbour is needed. */
function place(types: FieldTypes, typeId: number, bitOffset: number, bitSize: number): Field {
  const signed = isInteger(types, typeId) && types.signed(typeId);
  if (bitSize === 0) {
    return { offset: bitOffset / 8, size: types.size(typeId), bitShift: 0, bitSize: 0, signed, typeId };
  }
  for (const size of [1, 2, 4, 8]) {
    const unit = size * 8;
    const start = Math.floor(bitOffset / unit) * unit;
    if (bitOffset + bitSize <= start + unit) {
      return { offset: start / 8, size, bitShift: bitOffset - start, bitSize, signed, typeId };
    }
  }
  throw wrongArgument(`a bitfield of ${bitSize} bits at bit ${bitOffset} fits no single load`);
}

function isInteger(types: FieldTypes, typeId: number): boolean {
  const kind = types.kind(types.strip(typeId));
  return kind === BtfKind.int || kind === BtfKind.enum || kind === BtfKind.enum64;
}
