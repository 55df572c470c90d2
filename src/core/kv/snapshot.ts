// Snapshots: the store as the commands that make it again, in RESP, written into the output of a client that is only for that. So whoever restores one feeds it
// to an empty store, and there is one way in. It is made in steps; no other command may run until it is done.

import { closeOutput, openOutput, outputWaits } from '../resp/output';
import { replyArray, replyBulk, replyNumberText, replyText, replyValue, speak } from '../resp/reply';
import { replyScoreText } from '../resp/score';
import { clientAt } from './clients';
import { DATABASES } from './control';
import {
  entryKey,
  entryKeyLength,
  entryType,
  entryValue,
  stringAt,
  stringBlock,
  stringLength,
  TYPE_HASH,
  TYPE_LIST,
  TYPE_SET,
  TYPE_STRING,
} from './entry';
import { expiryOf } from './expiry';
import { FIELD_KEY, fieldsOf, fieldValue, fieldValueLength } from './hash-fields';
import { databaseAt, hasExpired, heapOf, keysOf } from './keyspace';
import { elementAt, elementLength, listEnd, listStep } from './list';
import { setting } from './settings';
import { memberAt, scoreOf, sortedEnd, sortedStep } from './sorted-set';
import { itemKeyLength, tableCount } from './table';
import { walkBegin, walkEnd, walkNext } from './table-walk';

/** Elements of a collection in one command. */
const A_COMMAND: u32 = 32;
/** Output after which a step ends. */
const A_STEP: u32 = 256 * 1024;

const keyWalk = memory.data(16, 8);
const fieldWalk = memory.data(16, 8);

let client: usize = 0;
let number: u32 = 0;
let isWalking: bool = false;
/** The collection that is being written, and its next element. */
let entry: usize = 0;
let element: usize = 0;

/** Begins one. @param whose the client whose output it goes to; it must have none. */
export function snapshotBegin(whose: i32): bool {
  client = clientAt(whose);
  number = 0;
  isWalking = false;
  entry = 0;
  return client !== 0;
}

/** Ends one that is given up, or is done. */
export function snapshotEnd(): void {
  if (isWalking) walkEnd(keyWalk);
  if (entry !== 0 && hasFields(entry)) walkEnd(fieldWalk);
  isWalking = false;
  entry = 0;
}

function hasFields(whose: usize): bool {
  return entryType(whose) === TYPE_HASH || entryType(whose) === TYPE_SET;
}

/** Writes some more. Returns whether there is more to come. */
export function snapshotMore(): bool {
  openOutput(client, false);
  speak(false);
  let more: bool = true;
  while (more && outputWaits(client) < A_STEP) more = writeSome();
  closeOutput();
  return more;
}

/** Writes one command or two. Returns whether there is more. */
function writeSome(): bool {
  if (entry !== 0) {
    writeElements();
    return true;
  }
  if (!isWalking) {
    while (number < setting(DATABASES) && tableCount(keysOf(databaseAt(number))) === 0) number += 1;
    if (number === setting(DATABASES)) return false;
    replyArray(2);
    replyText('SELECT');
    replyNumberText(<u64>number);
    walkBegin(keyWalk, keysOf(databaseAt(number)));
    isWalking = true;
  }
  const next = walkNext(keyWalk);
  if (next === 0) {
    walkEnd(keyWalk);
    isWalking = false;
    number += 1;
    return true;
  }
  if (!hasExpired(databaseAt(number), next)) writeEntry(next);
  return true;
}

function beginCommand(name: string, whose: usize, more: u32): void {
  replyArray(2 + more);
  replyText(name);
  replyBulk(entryKey(whose), entryKeyLength(whose));
}

function writeEntry(whose: usize): void {
  if (entryType(whose) === TYPE_STRING) {
    const at = expiryOf(heapOf(databaseAt(number)), whose);
    beginCommand('SET', whose, at === 0 ? 1 : 3);
    replyValue(stringBlock(whose), stringAt(whose), stringLength(whose));
    if (at === 0) return;
    replyText('PXAT');
    replyNumberText(at);
    return;
  }
  entry = whose;
  if (hasFields(whose)) {
    walkBegin(fieldWalk, fieldsOf(entryValue(whose)));
    element = walkNext(fieldWalk);
  } else
    element = entryType(whose) === TYPE_LIST ? listEnd(entryValue(whose), false) : sortedEnd(entryValue(whose), false);
}

const batch = memory.data(128, 8);

/** One command with the next elements of the collection; after the last of them, when it expires. */
function writeElements(): void {
  const type = entryType(entry);
  let many: u32 = 0;
  for (; many < A_COMMAND && element !== 0; many++) {
    store<u32>(batch + many * 4, <u32>element);
    if (type === TYPE_LIST) element = listStep(element, false);
    else element = hasFields(entry) ? walkNext(fieldWalk) : sortedStep(element, false);
  }
  const isPair = type !== TYPE_LIST && type !== TYPE_SET;
  const name = type === TYPE_LIST ? 'RPUSH' : type === TYPE_SET ? 'SADD' : type === TYPE_HASH ? 'HSET' : 'ZADD';
  beginCommand(name, entry, isPair ? many * 2 : many);
  for (let index: u32 = 0; index < many; index++) writeElement(type, load<u32>(batch + index * 4));
  if (element !== 0) return;
  const at = expiryOf(heapOf(databaseAt(number)), entry);
  if (at !== 0) {
    beginCommand('PEXPIREAT', entry, 1);
    replyNumberText(at);
  }
  if (hasFields(entry)) walkEnd(fieldWalk);
  entry = 0;
}

function writeElement(type: u32, at: usize): void {
  if (type === TYPE_LIST) return replyBulk(elementAt(at), elementLength(at));
  if (type === TYPE_SET || type === TYPE_HASH) {
    replyBulk(at + FIELD_KEY, itemKeyLength(at));
    if (type === TYPE_HASH) replyBulk(fieldValue(at), fieldValueLength(at));
    return;
  }
  replyScoreText(scoreOf(at));
  replyBulk(memberAt(at), itemKeyLength(at));
}
