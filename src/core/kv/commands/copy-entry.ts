// A second value like another one: for COPY.

import {
  entrySetValue,
  entryType,
  entryValue,
  makeEntry,
  releaseEntry,
  stringAt,
  stringBlock,
  stringLength,
  stringSet,
  TYPE_LIST,
  TYPE_STRING,
  TYPE_ZSET,
} from '../entry';
import { addField, FIELD_KEY, fieldsOf, fieldValue, fieldValueLength, makeFields } from '../hash-fields';
import { elementAt, elementLength, listEnd, listInsert, listStep, makeList } from '../list';
import { addMember, makeSorted, memberAt, scoreOf, sortedEnd, sortedStep } from '../sorted-set';
import { itemKeyLength } from '../table';
import { walkBegin, walkEnd, walkNext } from '../table-walk';

const walk = memory.data(16, 8);

/** Makes an entry of another key, in no table yet, with the same value. 0: no room. */
export function copyEntry(entry: usize, key: usize, length: u32): usize {
  const made = makeEntry(key, length, TYPE_STRING, stringBlock(entry) === 0 ? stringLength(entry) : 0);
  if (made === 0) return 0;
  const type = entryType(entry);
  if (
    type === TYPE_STRING ? stringSet(made, stringAt(entry), stringLength(entry)) : copyCollection(made, entry, type)
  ) {
    return made;
  }
  releaseEntry(made);
  return 0;
}

function copyCollection(made: usize, entry: usize, type: u32): bool {
  const to = type === TYPE_LIST ? makeList() : type === TYPE_ZSET ? makeSorted() : makeFields();
  if (to === 0) return false;
  entrySetValue(made, type, to);
  const from = entryValue(entry);
  if (type === TYPE_LIST) return copyList(to, from);
  return type === TYPE_ZSET ? copySorted(to, from) : copyFields(to, from);
}

function copyList(to: usize, from: usize): bool {
  for (let element = listEnd(from, false); element !== 0; element = listStep(element, false)) {
    if (listInsert(to, 0, elementAt(element), elementLength(element)) === 0) return false;
  }
  return true;
}

function copySorted(to: usize, from: usize): bool {
  for (let member = sortedEnd(from, false); member !== 0; member = sortedStep(member, false)) {
    if (addMember(to, scoreOf(member), memberAt(member), itemKeyLength(member)) === 0) return false;
  }
  return true;
}

function copyFields(to: usize, from: usize): bool {
  let hasRoom: bool = true;
  walkBegin(walk, fieldsOf(from));
  for (let field = walkNext(walk); field !== 0 && hasRoom; field = walkNext(walk)) {
    const at = field + FIELD_KEY;
    hasRoom = addField(to, at, itemKeyLength(field), fieldValue(field), fieldValueLength(field)) !== 0;
  }
  walkEnd(walk);
  return hasRoom;
}
