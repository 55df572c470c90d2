// Fields of hashes, and members of sets: items of a table, with a value behind the key or none.

import { copyBytes } from '../copy';
import { hashOf } from './hash';
import { allocate, release, roomOf } from './slabs';
import { itemKeyLength, itemSetKey, TABLE_BYTES, tableAdd, tableBegin, tableFind, tableRemove } from './table';
import { WASTE_BYTES } from './trash';

@unmanaged
class Field {
  next: u32;
  hash: u32;
  keyLength: u32;
  valueLength: u32;
}
/** Where the bytes of a field's name begin. */
export const FIELD_KEY = 16;

/** Makes an empty hash or set; 0: no room. */
export function makeFields(): usize {
  const made = allocate(WASTE_BYTES + TABLE_BYTES);
  if (made !== 0) tableBegin(made + WASTE_BYTES, FIELD_KEY);
  return made;
}

/** The table of a hash or set. */
export function fieldsOf(thing: usize): usize {
  return thing + WASTE_BYTES;
}

/** The field of a name; 0: there is none. */
export function findField(thing: usize, name: usize, length: u32): usize {
  return tableFind(thing + WASTE_BYTES, name, length);
}

/** Where a field's value is. */
export function fieldValue(field: usize): usize {
  return field + FIELD_KEY + itemKeyLength(field);
}

/** How many bytes it has. */
export function fieldValueLength(field: usize): u32 {
  return changetype<Field>(field).valueLength;
}

/** Adds a field that is not there yet. Returns it; 0: no room. */
export function addField(thing: usize, name: usize, length: u32, value: usize, valueLength: u32): usize {
  const field = allocate(FIELD_KEY + length + valueLength);
  if (field === 0) return 0;
  itemSetKey(field, FIELD_KEY, name, length);
  changetype<Field>(field).valueLength = valueLength;
  copyBytes(field + FIELD_KEY + length, value, valueLength);
  if (tableAdd(thing + WASTE_BYTES, field, hashOf(name, length))) return field;
  release(field);
  return 0;
}

/** Takes a field out and gives it back. */
export function removeField(thing: usize, field: usize): void {
  tableRemove(thing + WASTE_BYTES, field);
  release(field);
}

/** Gives a field another value: in its place where there is room. Returns false, and changes nothing, where there is none. */
export function setFieldValue(thing: usize, field: usize, value: usize, length: u32): bool {
  const keyLength = itemKeyLength(field);
  if (roomOf(field) - FIELD_KEY - keyLength >= length) {
    changetype<Field>(field).valueLength = length;
    copyBytes(field + FIELD_KEY + keyLength, value, length);
    return true;
  }
  const made = allocate(FIELD_KEY + keyLength + length);
  if (made === 0) return false;
  itemSetKey(made, FIELD_KEY, field + FIELD_KEY, keyLength);
  changetype<Field>(made).valueLength = length;
  copyBytes(made + FIELD_KEY + keyLength, value, length);
  const hash = changetype<Field>(field).hash;
  if (!tableAdd(thing + WASTE_BYTES, made, hash)) {
    release(made);
    return false;
  }
  removeField(thing, field);
  return true;
}
