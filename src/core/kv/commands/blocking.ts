// Commands that take something from the first of several keys that has it: LMPOP and ZMPOP, and those that wait where none has it, BLPOP and its like. Who waits
// is served in the order in which they came, as soon as the command is done that gave the key something. Not here: the rows in which they wait (waiting.ts).

import { nowUs } from '../../clock';
import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { double, readDouble } from '../../resp/doubles';
import { integer, readInteger } from '../../resp/numbers';
import { closeOutput, openOutput } from '../../resp/output';
import { replyArray, replyBulk, replyError, replyNull, replyNullArray, speak } from '../../resp/reply';
import { CLOSING, clientDatabase, hasFlag, IN_MULTI, KILLED, noteNews, REPLY_OFF, REPLY_SKIP, RESP3 } from '../clients';
import { addCommand, BLOCKING, commandNumber, DENYOOM, FAST, findCommand, MOVABLE, WRITE } from '../command-table';
import { entryType, TYPE_LIST, TYPE_ZSET } from '../entry';
import { useKept } from '../kept-command';
import { database, databaseNumber, peekKey, selectDatabase } from '../keyspace';
import { listCount } from '../list';
import { checkOutput } from '../output-limits';
import { sortedCount } from '../sorted-set';
import { itemKeyLength } from '../table';
import {
  awaitedDatabase,
  awaitedKey,
  beginWaiting,
  endWaiting,
  firstPlace,
  nextPlace,
  placeClient,
  placeCommand,
  placeIndex,
  placeType,
  takeReady,
  timedOut,
  waitFor,
} from '../waiting';
import { writeCollection } from './collections';
import { isWrongType, noRoom, syntaxError } from './errors';
import { move, popElements, sideOf } from './lists';
import { popMembers } from './sorted-sets';

const BLPOP: u32 = 0;
const BRPOP: u32 = 1;
const BLMOVE: u32 = 2;
const BRPOPLPUSH: u32 = 3;
const BLMPOP: u32 = 4;
const BZPOPMIN: u32 = 5;
const BZPOPMAX: u32 = 6;
const BZMPOP: u32 = 7;
const LMPOP: u32 = 8;

/** Adds the commands. @param family what stands before their numbers. */
export function addBlockingCommands(family: u32): void {
  addCommand('blpop', family, -3, WRITE | BLOCKING, 1, -2, 1);
  addCommand('brpop', family + 1, -3, WRITE | BLOCKING, 1, -2, 1);
  addCommand('blmove', family + 2, 6, WRITE | DENYOOM | BLOCKING, 1, 2, 1);
  addCommand('brpoplpush', family + 3, 4, WRITE | DENYOOM | BLOCKING, 1, 2, 1);
  addCommand('blmpop', family + 4, -5, WRITE | BLOCKING | MOVABLE, 0, 0, 0);
  addCommand('bzpopmin', family + 5, -3, WRITE | BLOCKING | FAST, 1, -2, 1);
  addCommand('bzpopmax', family + 6, -3, WRITE | BLOCKING | FAST, 1, -2, 1);
  addCommand('bzmpop', family + 7, -5, WRITE | BLOCKING | MOVABLE, 0, 0, 0);
  addCommand('lmpop', family + 8, -4, WRITE | MOVABLE, 0, 0, 0);
  addCommand('zmpop', family + 9, -4, WRITE | MOVABLE, 0, 0, 0);
}

/** What the arguments say: the keys, and which ends. */
let firstKey: u32 = 0;
let lastKey: u32 = 0;
let fromEnd: bool = false;
let toEnd: bool = false;
let most: i64 = 0;
/** When it gives up, by the core's clock; 0: never. */
let until: u64 = 0;

/** Reads how long to wait, in seconds. Returns false where that is wrong, which has been replied to. */
function readTimeout(index: u32): bool {
  if (!readDouble(argument(index), argumentLength(index))) {
    replyError('ERR timeout is not a float or out of range');
    return false;
  }
  const ms = Math.ceil(double * 1000);
  if (ms > 9e15) {
    replyError('ERR timeout is out of range');
    return false;
  }
  if (ms < 0) {
    replyError('ERR timeout is negative');
    return false;
  }
  until = ms === 0 ? 0 : nowUs + <u64>ms * 1000;
  return true;
}

/** Reads the number of keys, the end and COUNT of the commands that take several. Returns false where they are wrong, which has been replied to. */
function readSeveral(index: u32, isList: bool): bool {
  if (!readInteger(argument(index), argumentLength(index)) || integer < 1) {
    replyError('ERR numkeys should be greater than 0');
    return false;
  }
  if (integer >= <i64>argumentCount - <i64>index - 1) {
    syntaxError();
    return false;
  }
  firstKey = index + 1;
  lastKey = index + <u32>integer;
  const where = lastKey + 1;
  fromEnd = argumentIs(where, isList ? 'right' : 'max');
  most = 1;
  const hasCount = argumentCount === where + 3 && argumentIs(where + 1, 'count');
  if ((!fromEnd && !argumentIs(where, isList ? 'left' : 'min')) || (argumentCount !== where + 1 && !hasCount)) {
    // An end that is none is found before what is behind it.
    return refuseSeveral(where, fromEnd || argumentIs(where, isList ? 'left' : 'min'));
  }
  if (!hasCount) return true;
  if (readInteger(argument(where + 2), argumentLength(where + 2)) && integer >= 1) {
    most = integer;
    return true;
  }
  replyError('ERR count should be greater than 0');
  return false;
}

/** A count that is wrong is told of before words behind it. */
function refuseSeveral(where: u32, isEnd: bool): bool {
  const counts = isEnd && where + 2 < argumentCount && argumentIs(where + 1, 'count');
  if (counts && (!readInteger(argument(where + 2), argumentLength(where + 2)) || integer < 1)) {
    replyError('ERR count should be greater than 0');
  } else syntaxError();
  return false;
}

/** Reads the arguments of a command. Returns false where they are wrong, which has been replied to. */
function readArguments(which: u32): bool {
  firstKey = 1;
  if (which >= LMPOP) return readSeveral(1, which === LMPOP);
  if (which === BLMPOP || which === BZMPOP) return readSeveral(2, which === BLMPOP) && readTimeout(1);
  if (which === BLMOVE || which === BRPOPLPUSH) {
    lastKey = 1;
    const from = which === BLMOVE ? sideOf(3) : 1;
    const to = which === BLMOVE ? sideOf(4) : 0;
    if (from < 0 || to < 0) {
      syntaxError();
      return false;
    }
    fromEnd = from === 1;
    toEnd = to === 1;
    return readTimeout(argumentCount - 1);
  }
  fromEnd = which === BRPOP || which === BZPOPMAX;
  lastKey = argumentCount - 2;
  return readTimeout(argumentCount - 1);
}

function typeOf(which: u32): u32 {
  return which < BZPOPMIN || which === LMPOP ? TYPE_LIST : TYPE_ZSET;
}

/** Takes from one key, if it has something, and replies with that, or with an error. Returns whether it replied. */
function takeFrom(which: u32, index: u32): bool {
  const type = typeOf(which);
  const thing = writeCollection(index, type);
  if (isWrongType) return true;
  if (thing === 0) return false;
  if (which === BLMOVE || which === BRPOPLPUSH) {
    move(fromEnd, toEnd);
    return true;
  }
  const nests = which === BLMPOP || which >= BZMPOP;
  replyArray(nests || type === TYPE_LIST ? 2 : 3);
  replyBulk(argument(index), argumentLength(index));
  const has = type === TYPE_LIST ? listCount(thing) : sortedCount(thing);
  const many: u32 = !nests ? 1 : most < <i64>has ? <u32>most : has;
  if (nests) replyArray(many);
  if (type === TYPE_LIST) popElements(thing, index, fromEnd, many);
  else popMembers(thing, index, fromEnd, many, nests);
  return true;
}

/** Runs the command of a number in this family for a client. */
export function runBlocking(which: u32, client: usize): void {
  if (!readArguments(which)) return;
  for (let index = firstKey; index <= lastKey; index++) if (takeFrom(which, index)) return;
  if (which >= LMPOP || hasFlag(client, IN_MULTI)) {
    // Where nothing can be waited for it is as if the time were over.
    if (which === BLMOVE || which === BRPOPLPUSH) replyNull();
    else replyNullArray();
    return;
  }
  let waits = beginWaiting(client, typeOf(which), databaseNumber, until);
  for (let index = firstKey; index <= lastKey && waits; index++) {
    waits = waitFor(client, argument(index), argumentLength(index), index);
  }
  if (waits) return;
  endWaiting(client);
  noRoom();
}

/** From now on, replies are a client's, and commands work on its database. */
export function turnTo(client: usize): void {
  openOutput(client, hasFlag(client, REPLY_OFF | REPLY_SKIP));
  speak(hasFlag(client, RESP3));
  selectDatabase(clientDatabase(client));
}

function turnFrom(client: usize): void {
  closeOutput();
  checkOutput(client);
  noteNews(client);
}

/** Serves the client at a place: its command is run with that key alone. */
function serveAt(place: usize): void {
  const client = placeClient(place);
  const index = placeIndex(place);
  turnTo(client);
  useKept(placeCommand(place));
  const which = commandNumber(findCommand(argument(0), argumentLength(0))) & 31;
  readArguments(which);
  takeFrom(which, index);
  endWaiting(client);
  turnFrom(client);
}

/** Serves those who wait for keys that were changed, each key's in the order in which they came; called when the client's own command is done. */
export function serveWaiting(client: usize): void {
  closeOutput();
  for (let awaited = takeReady(); awaited !== 0; awaited = takeReady()) {
    const number = awaitedDatabase(awaited);
    let place = firstPlace(awaited);
    while (place !== 0) {
      // Served or not, the row goes on at the next one: with the last one in it the key itself is forgotten.
      const next = nextPlace(place);
      selectDatabase(number);
      const entry = peekKey(database, awaitedKey(awaited), itemKeyLength(awaited));
      if (entry === 0) break;
      if (!hasFlag(placeClient(place), CLOSING | KILLED) && entryType(entry) === placeType(place)) serveAt(place);
      place = next;
    }
  }
  turnTo(client);
}

/** Those whose time is over get nothing, up to so many. Returns how many they were. */
export function serveTimedOut(atMost: u32): u32 {
  let served: u32 = 0;
  for (let client = timedOut(); client !== 0 && served < atMost; client = timedOut()) {
    unblock(client, false);
    served += 1;
  }
  return served;
}

/** A client waits no more, though it got nothing. @param isError it is told that somebody else ended it. */
export function unblock(client: usize, isError: bool): void {
  endWaiting(client);
  turnTo(client);
  if (isError) replyError('UNBLOCKED client unblocked via CLIENT UNBLOCK');
  else replyNullArray();
  turnFrom(client);
}
