// Bytes of a client become commands: where they lie as long as they are complete, else through what query.ts keeps.

import { clearArguments } from '../resp/arguments';
import { closeOutput, hideOutput, openOutput, outputWaits } from '../resp/output';
import {
  BAD_COUNT,
  BAD_END,
  BAD_LENGTH,
  BAD_QUOTES,
  BAD_TYPE,
  badByte,
  expectUnknown,
  INCOMPLETE,
  PARSED,
  parseCommand,
  parsedEnd,
  TOO_LONG_LINE,
  UNKNOWN_COUNT,
  UNKNOWN_LENGTH,
} from '../resp/parser';
import { QUERY_NO_ROOM, queryAdd, queryEnd, queryKeep, queryTook, queryWaits } from '../resp/query';
import { beginError, endLine, speak, writeQuoted, writeText } from '../resp/reply';
import {
  AUTHENTICATED,
  BLOCKED,
  CLOSING,
  clientDatabase,
  closingState,
  hasFlag,
  KILLED,
  queryOf,
  REPLY_OFF,
  REPLY_SKIP,
  RESP3,
  setFlag,
} from './clients';
import {
  FEED_BLOCKED,
  FEED_CLOSED,
  FEED_FULL,
  FEED_STATE,
  INPUT_BYTES,
  OUTPUT_PAUSE,
  PROTOCOL_ERRORS,
} from './control';
import { areCrowded, relieve } from './crowding';
import { execute } from './execute';
import { selectDatabase } from './keyspace';
import { checkOutput } from './output-limits';
import { isAsked } from './requests';
import { count, setSetting, setting } from './settings';
import { warmKeys } from './warm';

/** What is wrong with what a client sent. It is told, and its connection ends. */
function refuse(client: usize, why: u32): void {
  count(PROTOCOL_ERRORS, 1);
  beginError('ERR Protocol error: ');
  if (why === BAD_COUNT) writeText('invalid multibulk length');
  else if (why === BAD_LENGTH) writeText('invalid bulk length');
  else if (why === BAD_QUOTES) writeText('unbalanced quotes in request');
  else if (why === TOO_LONG_LINE) writeText('too big inline request');
  else if (why === UNKNOWN_COUNT) writeText('unauthenticated multibulk length');
  else if (why === UNKNOWN_LENGTH) writeText('unauthenticated bulk length');
  else if (why === BAD_END) writeText('an argument does not end where its length says');
  else if (why === QUERY_NO_ROOM) writeText('no room for a command of this length');
  else if (why === BAD_TYPE) {
    writeText("expected '$', got '");
    store<u8>(byteBuffer, <u8>badByte);
    writeQuoted(byteBuffer, 1);
    writeText("'");
  } else writeText('the command is longer than this store allows');
  endLine();
  setFlag(client, CLOSING, true);
  queryEnd(queryOf(client));
}
const byteBuffer = memory.data(4, 4);

/** Runs the command that was parsed. */
function runParsed(client: usize): void {
  // CLIENT REPLY SKIP leaves out what follows it, not itself.
  const skips = hasFlag(client, REPLY_SKIP);
  execute(client);
  if (skips) setFlag(client, REPLY_SKIP, false);
  const hides = hasFlag(client, REPLY_OFF | REPLY_SKIP);
  if (hides !== isHidden) hide(hides);
  expectUnknown(!hasFlag(client, AUTHENTICATED));
}

let isHidden: bool = false;

function hide(hidden: bool): void {
  isHidden = hidden;
  hideOutput(hidden);
}

/** Whether the client's commands go on. */
function goesOn(client: usize): bool {
  return !hasFlag(client, CLOSING | KILLED | BLOCKED);
}

/** Parses and runs the commands in some bytes. Returns how many were taken: all of them, unless `FEED_STATE` says why not. */
export function feed(client: usize, from: usize, length: u32): u32 {
  const end = from + length;
  const query = queryOf(client);
  let at = from;
  isHidden = hasFlag(client, REPLY_OFF | REPLY_SKIP);
  openOutput(client, isHidden);
  speak(hasFlag(client, RESP3));
  expectUnknown(!hasFlag(client, AUTHENTICATED));
  selectDatabase(clientDatabase(client));
  let isFull = false;
  let commands: u32 = 0;
  let warmed = at;
  while (at < end && goesOn(client)) {
    commands += 1;
    // Every few commands: whether more output than may wait has come together.
    if ((commands & 15) === 0 || at === from) {
      closeOutput();
      isFull = outputWaits(client) > setting(OUTPUT_PAUSE);
      openOutput(client, isHidden);
      if (isFull) break;
    }
    const waits = queryWaits(query);
    let result: u32;
    if (waits) {
      result = queryAdd(query, at, <u32>(end - at));
      at += queryTook;
    } else {
      if (at >= warmed) warmed = warmKeys(at, end);
      result = parseCommand(at, end, 0);
    }
    if (result === PARSED) runParsed(client);
    else if (result === INCOMPLETE && !waits) {
      result = queryKeep(query, at, <u32>(end - at));
      at = end;
    }
    if (result === INCOMPLETE && areCrowded()) result = relieve(client);
    if (result > INCOMPLETE) {
      if (isHidden) hide(false);
      refuse(client, result);
    } else if (result !== INCOMPLETE) {
      if (waits) queryEnd(query);
      else at = parsedEnd;
    }
    // What it asked for comes first: the reply is that of the caller.
    if (isAsked()) break;
  }
  clearArguments();
  closeOutput();
  checkOutput(client);
  count(INPUT_BYTES, <u64>(at - from));
  const state = closingState(client) | (hasFlag(client, BLOCKED) ? FEED_BLOCKED : 0);
  setSetting(FEED_STATE, state | (isFull && (state & FEED_CLOSED) === 0 ? FEED_FULL : 0));
  return <u32>(at - from);
}
