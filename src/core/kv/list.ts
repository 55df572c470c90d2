// Lists: elements in objects of their own, linked both ways, so that both ends are reached at once.

import { copyBytes } from '../copy';
import { allocate, release, roomOf } from './slabs';

@unmanaged
class List {
  /** The head of what can be thrown away (trash.ts). */
  waste0: u32;
  waste1: u32;
  first: u32;
  last: u32;
  count: u32;
}
const LIST_BYTES: u32 = 20;

@unmanaged
class Element {
  previous: u32;
  next: u32;
  length: u32;
}
const ELEMENT_HEAD: u32 = 12;

/** Makes an empty list; 0: no room. */
export function makeList(): usize {
  const list = allocate(LIST_BYTES);
  if (list !== 0) memory.fill(list, 0, LIST_BYTES);
  return list;
}

/** How many elements it has. */
export function listCount(list: usize): u32 {
  return changetype<List>(list).count;
}

/** The first or the last element; 0: it is empty. */
export function listEnd(list: usize, isLast: bool): usize {
  return isLast ? changetype<List>(list).last : changetype<List>(list).first;
}

/** The next element, or the one before; 0: there is none. */
export function listStep(element: usize, isBack: bool): usize {
  return isBack ? changetype<Element>(element).previous : changetype<Element>(element).next;
}

/** Where an element's bytes are. */
export function elementAt(element: usize): usize {
  return element + ELEMENT_HEAD;
}

/** How many bytes it has. */
export function elementLength(element: usize): u32 {
  return changetype<Element>(element).length;
}

/** The element of a number, counted from the nearer end; 0: there is none. */
export function listAt(list: usize, index: u32): usize {
  const it = changetype<List>(list);
  if (index >= it.count) return 0;
  const isBack = index > it.count >> 1;
  let steps = isBack ? it.count - 1 - index : index;
  let element = listEnd(list, isBack);
  while (steps > 0) {
    element = listStep(element, isBack);
    steps -= 1;
  }
  return element;
}

/** Puts bytes before an element, or at the end (0). Returns the new element; 0: no room. */
export function listInsert(list: usize, before: usize, from: usize, length: u32): usize {
  const element = allocate(ELEMENT_HEAD + length);
  if (element === 0) return 0;
  const made = changetype<Element>(element);
  made.length = length;
  copyBytes(element + ELEMENT_HEAD, from, length);
  link(list, before, element);
  return element;
}

function link(list: usize, before: usize, element: usize): void {
  const it = changetype<List>(list);
  const made = changetype<Element>(element);
  const previous = before === 0 ? it.last : changetype<Element>(before).previous;
  made.previous = previous;
  made.next = <u32>before;
  if (previous === 0) it.first = <u32>element;
  else changetype<Element>(previous).next = <u32>element;
  if (before === 0) it.last = <u32>element;
  else changetype<Element>(before).previous = <u32>element;
  it.count += 1;
}

/** Takes an element out and gives it back. */
export function listRemove(list: usize, element: usize): void {
  const it = changetype<List>(list);
  const gone = changetype<Element>(element);
  if (gone.previous === 0) it.first = gone.next;
  else changetype<Element>(gone.previous).next = gone.next;
  if (gone.next === 0) it.last = gone.previous;
  else changetype<Element>(gone.next).previous = gone.previous;
  it.count -= 1;
  release(element);
}

/** Makes an element's bytes others. Returns false for want of room. */
export function listReplace(list: usize, element: usize, from: usize, length: u32): bool {
  if (roomOf(element) - ELEMENT_HEAD >= length) {
    changetype<Element>(element).length = length;
    copyBytes(element + ELEMENT_HEAD, from, length);
    return true;
  }
  if (listInsert(list, element, from, length) === 0) return false;
  listRemove(list, element);
  return true;
}

/** Gives back up to so many elements. Returns whether none is left. */
export function releaseSome(list: usize, most: u32): bool {
  const it = changetype<List>(list);
  for (let done: u32 = 0; done < most && it.first !== 0; done++) listRemove(list, it.first);
  return it.first === 0;
}
