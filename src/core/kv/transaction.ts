// MULTI: the commands of a client that wait for EXEC, and the keys that it watches meanwhile.

import { QUERY_LIMIT } from './control';
import { bytesToKeep, keepCommand, keptNext, setKeptNext, useKept } from './kept-command';
import { setting } from './settings';
import { allocate, release } from './slabs';
import { changesOf, unwatchKey, watchKey } from './watched';

/** What clients.ts keeps for this. */
@unmanaged
class Transaction {
  queued: u32;
  watches: u32;
}

/** The commands that wait. */
@unmanaged
class Queue {
  first: u32;
  last: u32;
  count: u32;
  bytes: u32;
}
const QUEUE_BYTES: u32 = 16;

@unmanaged
class Watch {
  next: u32;
  item: u32;
  seen: u32;
}

/** Begins a transaction; false: no room. */
export function beginTransaction(owner: usize): bool {
  const queue = allocate(QUEUE_BYTES);
  if (queue === 0) return false;
  memory.fill(queue, 0, QUEUE_BYTES);
  changetype<Transaction>(owner).queued = <u32>queue;
  return true;
}

/** Puts the command in the arguments behind the others. Returns false where there is no room for it, or where those are too many bytes. */
export function queueCommand(owner: usize): bool {
  const queue = changetype<Queue>(changetype<Transaction>(owner).queued);
  const bytes = bytesToKeep();
  if (bytes + <u64>queue.bytes > <u64>setting(QUERY_LIMIT)) return false;
  const made = keepCommand(<u32>bytes);
  if (made === 0) return false;
  if (queue.last === 0) queue.first = <u32>made;
  else setKeptNext(queue.last, made);
  queue.last = <u32>made;
  queue.count += 1;
  queue.bytes += <u32>bytes;
  return true;
}

/** How many commands wait. */
export function queuedCount(owner: usize): u32 {
  return changetype<Queue>(changetype<Transaction>(owner).queued).count;
}

/** Bytes that they take. */
export function queuedBytes(owner: usize): u32 {
  return changetype<Queue>(changetype<Transaction>(owner).queued).bytes;
}

/** Takes the first command that waits, and makes its arguments those of the command that runs. Returns what is to be given back after it; 0: none waits. */
export function nextQueued(owner: usize): usize {
  const queue = changetype<Queue>(changetype<Transaction>(owner).queued);
  const first = <usize>queue.first;
  if (first === 0) return 0;
  queue.first = <u32>keptNext(first);
  useKept(first);
  return first;
}

/** Gives back all that a transaction holds: commands that did not run, and what was watched. */
export function endTransaction(owner: usize): void {
  const it = changetype<Transaction>(owner);
  if (it.queued !== 0) {
    let at = changetype<Queue>(it.queued).first;
    while (at !== 0) {
      const next = <u32>keptNext(at);
      release(at);
      at = next;
    }
    release(it.queued);
    it.queued = 0;
  }
  while (it.watches !== 0) {
    const watch = it.watches;
    it.watches = changetype<Watch>(watch).next;
    unwatchKey(changetype<Watch>(watch).item);
    release(watch);
  }
}

/** Watches a key; false: no room. */
export function addWatch(owner: usize, database: u32, key: usize, length: u32): bool {
  const it = changetype<Transaction>(owner);
  const watch = allocate(12);
  if (watch === 0) return false;
  const item = watchKey(database, key, length);
  if (item === 0) {
    release(watch);
    return false;
  }
  changetype<Watch>(watch).item = <u32>item;
  changetype<Watch>(watch).seen = changesOf(item);
  changetype<Watch>(watch).next = it.watches;
  it.watches = <u32>watch;
  return true;
}

/** Whether a key that is watched was changed since. */
export function watchedChanged(owner: usize): bool {
  for (let watch = changetype<Transaction>(owner).watches; watch !== 0; watch = changetype<Watch>(watch).next) {
    if (changesOf(changetype<Watch>(watch).item) !== changetype<Watch>(watch).seen) return true;
  }
  return false;
}
