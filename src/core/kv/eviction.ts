// Keys make room for others when data uses more memory than it may: some are looked at by chance, and the one that fits the policy best goes, as
// Redis has it; the one that expires first is known exactly.

import { random64 } from '../random';
import { idleMs, usesOf } from './access';
import { collect } from './collect';
import {
  DATABASES,
  EVICTED,
  POLICY,
  POLICY_ALLKEYS_LFU,
  POLICY_ALLKEYS_RANDOM,
  POLICY_NOEVICTION,
  POLICY_VOLATILE_LFU,
  POLICY_VOLATILE_LRU,
  POLICY_VOLATILE_RANDOM,
  POLICY_VOLATILE_TTL,
  SAMPLES,
} from './control';
import { heapCount, heapEntry, heapFirst, heapFirstAt } from './expiry';
import { databaseAt, deleteEntry, heapOf, keysOf } from './keyspace';
import { isOverLimit } from './limit';
import { count, setting } from './settings';
import { tableCount } from './table';
import { randomItem } from './table-walk';

/** One command makes room by so many keys at most, and waits for no more. */
const EVICT_MOST: u32 = 256;

/** The database of the key that was chosen. */
let chosenDatabase: usize = 0;

/** Makes room if there is too little and the policy allows it. Returns whether there is enough now. */
export function makeRoom(): bool {
  if (!isOverLimit()) return true;
  // What was deleted already goes first.
  while (collect(64)) {
    if (!isOverLimit()) return true;
  }
  if (setting(POLICY) === POLICY_NOEVICTION) return !isOverLimit();
  for (let evicted: u32 = 0; evicted < EVICT_MOST && isOverLimit(); evicted++) {
    const entry = choose();
    if (entry === 0) break;
    deleteEntry(chosenDatabase, entry);
    count(EVICTED, 1);
    collect(256);
  }
  return !isOverLimit();
}

/** Whether only keys that expire may go. */
function isVolatile(): bool {
  return setting(POLICY) >= <u32>POLICY_VOLATILE_LRU;
}

/** How many keys of a database may go. */
function candidates(database: usize): u32 {
  return isVolatile() ? heapCount(heapOf(database)) : tableCount(keysOf(database));
}

/** A database that has keys that may go, each as likely as it has some; 0: none has. */
function chooseDatabase(): usize {
  let all: u64 = 0;
  for (let number: u32 = 0; number < setting(DATABASES); number++) all += <u64>candidates(databaseAt(number));
  if (all === 0) return 0;
  let place = random64() % all;
  for (let number: u32 = 0; number < setting(DATABASES); number++) {
    const has = <u64>candidates(databaseAt(number));
    if (place < has) return databaseAt(number);
    place -= has;
  }
  return 0;
}

function chooseFirstToExpire(): usize {
  let first: usize = 0;
  let at: u64 = 0;
  for (let number: u32 = 0; number < setting(DATABASES); number++) {
    const heap = heapOf(databaseAt(number));
    if (heapCount(heap) === 0 || (first !== 0 && heapFirstAt(heap) >= at)) continue;
    first = heapFirst(heap);
    at = heapFirstAt(heap);
    chosenDatabase = databaseAt(number);
  }
  return first;
}

/** The key that is to go; 0: there is none. */
function choose(): usize {
  const policy = setting(POLICY);
  if (policy === POLICY_VOLATILE_TTL) return chooseFirstToExpire();
  const isRandom = policy === POLICY_ALLKEYS_RANDOM || policy === POLICY_VOLATILE_RANDOM;
  const counts = policy === POLICY_ALLKEYS_LFU || policy === POLICY_VOLATILE_LFU;
  let best: usize = 0;
  let bestScore: u32 = 0;
  for (let sample: u32 = 0; sample < setting(SAMPLES); sample++) {
    const database = chooseDatabase();
    if (database === 0) return 0;
    const heap = heapOf(database);
    const entry = isVolatile()
      ? heapEntry(heap, <u32>(random64() % <u64>heapCount(heap)))
      : randomItem(keysOf(database));
    if (entry === 0) continue;
    const score: u32 = isRandom ? 0 : counts ? 255 - usesOf(entry) : idleMs(entry);
    if (best !== 0 && score <= bestScore) continue;
    best = entry;
    bestScore = score;
    chosenDatabase = database;
    if (isRandom) break;
  }
  return best;
}
