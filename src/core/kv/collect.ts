// Works off what was thrown away (trash.ts), some items at a time.

import { releaseEntry, TYPE_HASH } from './entry';
import { fieldsOf } from './hash-value';
import { keysOf } from './keyspace';
import { release } from './slabs';
import { tableTakeAny } from './table';
import { trashFirst, trashKind, trashRemove } from './trash';

/** Gives up to so many items back. Returns whether more waits. */
export function collect(most: u32): bool {
  let left = most;
  while (left > 0) {
    const thing = trashFirst();
    if (thing === 0) return false;
    left -= 1;
    if (!takeOne(thing)) end(thing);
  }
  return trashFirst() !== 0;
}

/** Gives one item of a thing back; false: it has none. */
function takeOne(thing: usize): bool {
  if (trashKind(thing) === TYPE_HASH) {
    const field = tableTakeAny(fieldsOf(thing));
    if (field === 0) return false;
    release(field);
    return true;
  }
  const entry = tableTakeAny(keysOf(thing));
  if (entry === 0) return false;
  releaseEntry(entry);
  return true;
}

function end(thing: usize): void {
  trashRemove(thing);
  release(thing);
}
