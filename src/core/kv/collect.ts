// Works off what was thrown away (trash.ts), some items at a time.

import { releaseEntry, TYPE_LIST, TYPE_ZSET } from './entry';
import { fieldsOf } from './hash-fields';
import { keysOf } from './keyspace';
import { releaseSome as releaseElements } from './list';
import { release } from './slabs';
import { releaseSome as releaseMembers } from './sorted-set';
import { tableTakeAny } from './table';
import { trashFirst, trashKind, trashRemove, WASTE_DATABASE } from './trash';

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
  const kind = trashKind(thing);
  if (kind === TYPE_LIST) return !releaseElements(thing, 1);
  if (kind === TYPE_ZSET) return !releaseMembers(thing, 1);
  if (kind !== WASTE_DATABASE) {
    const field = tableTakeAny(fieldsOf(thing));
    if (field !== 0) release(field);
    return field !== 0;
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
