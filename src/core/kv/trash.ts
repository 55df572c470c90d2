// What was deleted and is too large to be given back at once: a list that `storeTurn` works off in slices.

/** The head of everything that can be thrown away: collections and databases. */
@unmanaged
class Waste {
  next: u32;
  kind: u32;
}

/** Bytes of that head. */
export const WASTE_BYTES = 8;
/** The kind of a database; those of collections are their types (entry.ts). */
export const WASTE_DATABASE: u32 = 16;

let first: usize = 0;

/** Empties the list, when the store begins anew. */
export function trashBegin(): void {
  first = 0;
}

/** Throws something away, of which nothing else knows any more. */
export function trashAdd(thing: usize, kind: u32): void {
  changetype<Waste>(thing).next = <u32>first;
  changetype<Waste>(thing).kind = kind;
  first = thing;
}

/** What is to be given back first; 0: nothing. */
export function trashFirst(): usize {
  return first;
}

/** What kind of thing it is. */
export function trashKind(thing: usize): u32 {
  return changetype<Waste>(thing).kind;
}

/** Takes a thing off the list: its contents are gone, its memory is the caller's to give back. */
export function trashRemove(thing: usize): void {
  if (thing === first) {
    first = changetype<Waste>(thing).next;
    return;
  }
  for (let at = first; at !== 0; at = changetype<Waste>(at).next) {
    if (changetype<Waste>(at).next !== <u32>thing) continue;
    changetype<Waste>(at).next = changetype<Waste>(thing).next;
    return;
  }
}
