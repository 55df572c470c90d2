// Hashes: a table of fields, each with its value behind its name in the same object.

import { copyBytes } from '../copy';
import { hashOf } from './hash';
import { allocate, release, roomOf } from './slabs';
import { itemKeyLength, itemSetKey, TABLE_BYTES, tableAdd, tableBegin, tableFindHashed, tableRemove } from './table';
import { walkBegin, walkEnd, walkNext } from './table-walk';
import { WASTE_BYTES } from './trash';

/** Behind the head of a table's item. */
@unmanaged
class Field {
  next: u32;
  hash: u32;
  keyLength: u32;
  valueLength: u32;
}
const NAME_AT: u32 = 16;

/** Makes a hash without fields; 0: no room. */
export function makeHash(): usize {
  const made = allocate(WASTE_BYTES + TABLE_BYTES);
  if (made !== 0) tableBegin(made + WASTE_BYTES, NAME_AT);
  return made;
}

/** The table of a hash's fields. */
export function fieldsOf(hash: usize): usize {
  return hash + WASTE_BYTES;
}

/** A field by its name; 0: there is none. */
export function findField(hash: usize, name: usize, length: u32): usize {
  return tableFindHashed(fieldsOf(hash), name, length, hashOf(name, length));
}

/** Where a field's name is. */
export function fieldName(field: usize): usize {
  return field + NAME_AT;
}

/** Bytes of its name. */
export function fieldNameLength(field: usize): u32 {
  return itemKeyLength(field);
}

/** Where its value is. */
export function fieldValue(field: usize): usize {
  return field + NAME_AT + itemKeyLength(field);
}

/** Bytes of its value. */
export function fieldValueLength(field: usize): u32 {
  return changetype<Field>(field).valueLength;
}

/** Sets a field, which `findField` found (0: it is new). Returns false, and changes nothing, where there is no room. */
export function setField(hash: usize, field: usize, name: usize, length: u32, value: usize, valueLength: u32): bool {
  if (field !== 0 && roomOf(field) >= NAME_AT + length + valueLength) {
    copyBytes(fieldValue(field), value, valueLength);
    changetype<Field>(field).valueLength = valueLength;
    return true;
  }
  const made = allocate(NAME_AT + length + valueLength);
  if (made === 0) return false;
  itemSetKey(made, NAME_AT, name, length);
  copyBytes(made + NAME_AT + length, value, valueLength);
  changetype<Field>(made).valueLength = valueLength;
  if (!tableAdd(fieldsOf(hash), made, hashOf(name, length))) {
    release(made);
    return false;
  }
  if (field !== 0) dropField(hash, field);
  return true;
}

/** Deletes a field. */
export function dropField(hash: usize, field: usize): void {
  tableRemove(fieldsOf(hash), field);
  release(field);
}

const walk = memory.data(16, 8);

/** Copies all fields into another hash. Returns false where there is no room for all. */
export function copyFields(from: usize, to: usize): bool {
  let fits: bool = true;
  walkBegin(walk, fieldsOf(from));
  for (let at = walkNext(walk); at !== 0 && fits; at = walkNext(walk)) {
    fits = setField(to, 0, fieldName(at), fieldNameLength(at), fieldValue(at), fieldValueLength(at));
  }
  walkEnd(walk);
  return fits;
}
