// The store's memory: a range of pages; objects up to 8 KiB in slabs of one size class, larger ones in runs of pages. Both are taken and given
// back in constant time, and every byte that is in use is counted exactly (by the size of its class or run).

import { clearTaken } from '../arena';

const PAGE: u32 = 4096;
const PAGE_SHIFT: u32 = 12;
const CLASSES: u32 = 32;
/** The largest object of a slab. */
const LARGEST: u32 = 8192;

const INSIDE: u8 = 0;
const FREE: u8 = 1;
const SLAB: u8 = 2;
const SLAB_INSIDE: u8 = 3;
const RUN: u8 = 4;

/** What is known of a page. */
@unmanaged
class Page {
  kind: u8;
  sizeClass: u8;
  /** Objects of a slab that are in use. */
  used: u16;
  /** A run's pages, at its first page; of a free one at its last, too. Inside a slab: how many pages back it begins. */
  run: u32;
  /** The next of a list: number of a page and 1. */
  next: u32;
  /** Of a free run or slab the one before it in its list; the first free object of a slab stands in `run`. */
  previous: u32;
}
const PAGE_BYTES: u32 = 16;

let base: usize = 0;
let pages: u32 = 0;
let descriptors: usize = 0;
let usedBytes: u64 = 0;
let usedPages: u32 = 0;
/** Data leaves the 32nd part of the pages to replies. */
const RESERVE_SHIFT: u32 = 5;
let isReserveOpen: bool = false;

/** First free run (number and 1) of each bin, and which bins have one. */
const bins = memory.data(64 * 4, 8);
let filledBins: u64 = 0;
/** First slab with room (number and 1) of each class. */
const partial = memory.data(CLASSES * 4, 8);

function pageAt(number: u32): Page {
  return changetype<Page>(descriptors + number * PAGE_BYTES);
}

/** Takes over a range of memory; what was in it before is forgotten. Returns whether it holds at least 16 pages. */
export function slabsBegin(from: usize, to: usize): bool {
  memory.fill(bins, 0, 64 * 4);
  memory.fill(partial, 0, CLASSES * 4);
  filledBins = 0;
  usedBytes = 0;
  usedPages = 0;
  descriptors = (from + 15) & ~15;
  if (to <= descriptors) return false;
  const count = <u32>((to - descriptors) / (PAGE + PAGE_BYTES));
  if (count < 17) return false;
  // One page less: the first begins at a multiple of its size.
  pages = count - 1;
  base = (descriptors + pages * PAGE_BYTES + PAGE - 1) & ~(<usize>PAGE - 1);
  clearTaken(descriptors, pages * PAGE_BYTES);
  addFree(0, pages);
  return true;
}

/** Bytes of all objects in use. */
export function slabsUsed(): u64 {
  return usedBytes;
}

/** Bytes of pages that are taken: what is in use, and what lies free in slabs. */
export function slabsTaken(): u64 {
  return (<u64>usedPages) << PAGE_SHIFT;
}

/** Bytes of all pages. */
export function slabsTotal(): u64 {
  return (<u64>pages) << PAGE_SHIFT;
}

/** The bin in which a free run of so many pages stands. */
function binOf(count: u32): u32 {
  if (count < 8) return count;
  const log = 31 - clz<u32>(count);
  return 8 + (log - 3) * 2 + ((count >> (log - 1)) & 1);
}

function addFree(first: u32, count: u32): void {
  const bin = binOf(count);
  const page = pageAt(first);
  page.kind = FREE;
  page.run = count;
  const last = pageAt(first + count - 1);
  last.kind = FREE;
  last.run = count;
  const head = load<u32>(bins + bin * 4);
  page.next = head;
  page.previous = 0;
  if (head !== 0) pageAt(head - 1).previous = first + 1;
  store<u32>(bins + bin * 4, first + 1);
  filledBins |= (<u64>1) << bin;
}

function removeFree(first: u32): void {
  const page = pageAt(first);
  const bin = binOf(page.run);
  pageAt(first + page.run - 1).kind = INSIDE;
  page.kind = INSIDE;
  if (page.next !== 0) pageAt(page.next - 1).previous = page.previous;
  if (page.previous !== 0) {
    pageAt(page.previous - 1).next = page.next;
    return;
  }
  store<u32>(bins + bin * 4, page.next);
  if (page.next === 0) filledBins &= ~((<u64>1) << bin);
}

/** A free run of at least so many pages, number and 1: of its own bin only one of the first eight, of larger bins the first. */
function findFree(count: u32): u32 {
  const bin = binOf(count);
  let candidate = load<u32>(bins + bin * 4);
  for (let tries: u32 = 0; candidate !== 0 && tries < 8; tries++) {
    if (pageAt(candidate - 1).run >= count) return candidate;
    candidate = pageAt(candidate - 1).next;
  }
  const larger = filledBins & ~(((<u64>2) << bin) - 1);
  return larger === 0 ? 0 : load<u32>(bins + <usize>ctz<u64>(larger) * 4);
}

/** Takes a run of pages. Returns the number of its first and 1; 0 where there is none. */
function takeRun(count: u32): u32 {
  // A part stays free for replies: without it a full store could not even be told to delete something.
  if (!isReserveOpen && usedPages + count > pages - (pages >> RESERVE_SHIFT)) return 0;
  const found = findFree(count);
  if (found === 0) return 0;
  const first = found - 1;
  const had = pageAt(first).run;
  removeFree(first);
  if (had > count) addFree(first + count, had - count);
  usedPages += count;
  return found;
}

function giveRun(first: u32, count: u32): void {
  usedPages -= count;
  let from = first;
  let length = count;
  const after = first + count;
  if (after < pages && pageAt(after).kind === FREE) {
    length += pageAt(after).run;
    removeFree(after);
  }
  if (first > 0 && pageAt(first - 1).kind === FREE) {
    const before = pageAt(first - 1).run;
    from = first - before;
    length += before;
    removeFree(from);
  }
  addFree(from, length);
}

function classOf(bytes: u32): u32 {
  if (bytes <= 128) return bytes === 0 ? 0 : (bytes - 1) >> 4;
  const log = 31 - clz<u32>(bytes - 1);
  return 8 + (log - 7) * 4 + (((bytes - 1) >> (log - 2)) & 3);
}

function sizeOfClass(sizeClass: u32): u32 {
  if (sizeClass < 8) return (sizeClass + 1) << 4;
  return (5 + ((sizeClass - 8) & 3)) << (5 + ((sizeClass - 8) >> 2));
}

function pagesOfSlab(size: u32): u32 {
  if (size <= 512) return 1;
  return size <= 1024 ? 2 : size <= 2048 ? 4 : 8;
}

function pushPartial(number: u32, sizeClass: u32): void {
  const page = pageAt(number);
  const head = load<u32>(partial + sizeClass * 4);
  page.next = head;
  page.previous = 0;
  if (head !== 0) pageAt(head - 1).previous = number + 1;
  store<u32>(partial + sizeClass * 4, number + 1);
}

function removePartial(number: u32, sizeClass: u32): void {
  const page = pageAt(number);
  if (page.next !== 0) pageAt(page.next - 1).previous = page.previous;
  if (page.previous !== 0) pageAt(page.previous - 1).next = page.next;
  else store<u32>(partial + sizeClass * 4, page.next);
}

/** Makes a slab of a class, all of whose objects are free. Returns its number and 1, 0 where there is no room. */
function makeSlab(sizeClass: u32): u32 {
  const size = sizeOfClass(sizeClass);
  const count = pagesOfSlab(size);
  const found = takeRun(count);
  if (found === 0) return 0;
  const first = found - 1;
  for (let index: u32 = 1; index < count; index++) {
    const inside = pageAt(first + index);
    inside.kind = SLAB_INSIDE;
    inside.run = index;
  }
  const start = base + ((<usize>first) << PAGE_SHIFT);
  const objects = (count << PAGE_SHIFT) / size;
  let link: u32 = 0;
  for (let index = objects; index > 0; index--) {
    const object = <u32>start + (index - 1) * size;
    store<u32>(object, link);
    link = object;
  }
  const page = pageAt(first);
  page.kind = SLAB;
  page.sizeClass = <u8>sizeClass;
  page.used = 0;
  page.run = link;
  pushPartial(first, sizeClass);
  return found;
}

/** Takes memory for an object, at a multiple of 16 (of 4,096 from 8,193 bytes on); what is in it is not defined. Returns 0 where there is no room. */
export function allocate(bytes: u32): usize {
  if (bytes > LARGEST) return allocateRun(bytes);
  const sizeClass = classOf(bytes);
  let found = load<u32>(partial + sizeClass * 4);
  if (found === 0) {
    found = makeSlab(sizeClass);
    if (found === 0) return 0;
  }
  const page = pageAt(found - 1);
  const object = page.run;
  const next = load<u32>(object);
  page.run = next;
  page.used += 1;
  if (next === 0) removePartial(found - 1, sizeClass);
  usedBytes += <u64>sizeOfClass(sizeClass);
  return object;
}

/** The same, from all that is left: for what must be possible while the store is full. */
export function allocateFromReserve(bytes: u32): usize {
  isReserveOpen = true;
  const made = allocate(bytes);
  isReserveOpen = false;
  return made;
}

function allocateRun(bytes: u32): usize {
  if (bytes > 0xffff_0000) return 0;
  const count = (bytes + PAGE - 1) >> PAGE_SHIFT;
  const found = takeRun(count);
  if (found === 0) return 0;
  const page = pageAt(found - 1);
  page.kind = RUN;
  page.run = count;
  usedBytes += (<u64>count) << PAGE_SHIFT;
  return base + ((<usize>(found - 1)) << PAGE_SHIFT);
}

/** Gives an object back. */
export function release(address: usize): void {
  let number = <u32>((address - base) >> PAGE_SHIFT);
  let page = pageAt(number);
  if (page.kind === RUN) {
    usedBytes -= (<u64>page.run) << PAGE_SHIFT;
    page.kind = INSIDE;
    giveRun(number, page.run);
    return;
  }
  if (page.kind === SLAB_INSIDE) {
    number -= page.run;
    page = pageAt(number);
  }
  // Anything else was never taken: a fault of ours, which must not become somebody's data.
  if (page.kind !== SLAB || page.used === 0) unreachable();
  const sizeClass = <u32>page.sizeClass;
  const size = sizeOfClass(sizeClass);
  usedBytes -= <u64>size;
  if (page.run === 0) pushPartial(number, sizeClass);
  store<u32>(address, page.run);
  page.run = <u32>address;
  page.used -= 1;
  // The last slab with room stays, so that one object taken and given back in turns does not make and break it.
  if (page.used === 0 && (page.next !== 0 || page.previous !== 0)) breakSlab(number, sizeClass, size);
}

function breakSlab(number: u32, sizeClass: u32, size: u32): void {
  removePartial(number, sizeClass);
  const count = pagesOfSlab(size);
  for (let index: u32 = 0; index < count; index++) pageAt(number + index).kind = INSIDE;
  giveRun(number, count);
}

/** The bytes that an object of the store has: at least what it was taken with. */
export function roomOf(address: usize): u32 {
  const number = <u32>((address - base) >> PAGE_SHIFT);
  const page = pageAt(number);
  if (page.kind === RUN) return page.run << PAGE_SHIFT;
  const slab = page.kind === SLAB_INSIDE ? pageAt(number - page.run) : page;
  return sizeOfClass(<u32>slab.sizeClass);
}
