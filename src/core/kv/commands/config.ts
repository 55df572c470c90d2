// CONFIG GET and SET of what exists, and of what programs ask for at the start (save, appendonly), which is always the same.

import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { integer, readInteger } from '../../resp/numbers';
import {
  beginError,
  endLine,
  replyError,
  replyMap,
  replyNumberText,
  replyOk,
  replyText,
  writeQuoted,
  writeText,
} from '../../resp/reply';
import { forgetCalls } from '../command-table';
import {
  CLIENTS_REFUSED,
  COMMANDS,
  CONNECTIONS,
  DATABASES,
  ERROR_REPLIES,
  EVICTED,
  EXPIRED,
  HITS,
  IDLE_SECONDS,
  INPUT_BYTES,
  LFU_DECAY_MINUTES,
  LFU_LOG_FACTOR,
  MAX_BULK,
  MAX_CLIENTS,
  MAX_MEMORY,
  MISSES,
  OUTPUT_BYTES,
  OUTPUT_LIMIT_CLOSED,
  POLICY,
  QUERY_LIMIT_CLOSED,
  SAMPLES,
  TELL_PORT,
} from '../control';
import { memoryLimit } from '../limit';
import { matchesPattern } from '../pattern';
import { setSetting, setSetting64, setting, setting64 } from '../settings';
import { wrongArity } from './errors';
import { policyArgument, policyName } from './policy-names';
import { isSubcommand, noSubcommand } from './subcommands';

const PARAMETERS: u32 = 13;

function nameOf(which: u32): string {
  switch (which) {
    case 0:
      return 'maxmemory';
    case 1:
      return 'maxmemory-policy';
    case 2:
      return 'maxmemory-samples';
    case 3:
      return 'databases';
    case 4:
      return 'maxclients';
    case 5:
      return 'proto-max-bulk-len';
    case 6:
      return 'timeout';
    case 7:
      return 'lfu-log-factor';
    case 8:
      return 'lfu-decay-time';
    case 9:
      return 'port';
    case 10:
      return 'save';
    case 11:
      return 'appendonly';
    default:
      return 'cluster-enabled';
  }
}

/** Where a parameter's number stands in the block of settings; 0 for others. */
function placeOf(which: u32): usize {
  switch (which) {
    case 2:
      return SAMPLES;
    case 3:
      return DATABASES;
    case 4:
      return MAX_CLIENTS;
    case 5:
      return MAX_BULK;
    case 6:
      return IDLE_SECONDS;
    case 7:
      return LFU_LOG_FACTOR;
    case 8:
      return LFU_DECAY_MINUTES;
    default:
      return TELL_PORT;
  }
}

function replyParameter(which: u32): void {
  replyText(nameOf(which));
  if (which === 0) replyNumberText(setting64(MAX_MEMORY));
  else if (which === 1) replyText(policyName(setting(POLICY)));
  else if (which === 10) replyText('');
  else if (which > 10) replyText('no');
  else replyNumberText(setting(placeOf(which)));
}

const nameBuffer = memory.data(32, 8);

/** Whether any of the patterns that were given fits a parameter, letters in any case. */
function isAsked(which: u32): bool {
  const name = nameOf(which);
  for (let index: u32 = 0; index < <u32>name.length; index++) {
    store<u8>(nameBuffer + index, <u8>load<u16>(changetype<usize>(name) + index * 2));
  }
  for (let index: u32 = 2; index < argumentCount; index++) {
    if (argumentIs(index, name) || matchesPattern(argument(index), argumentLength(index), nameBuffer, name.length))
      return true;
  }
  return false;
}

function get(): void {
  let asked: u32 = 0;
  for (let which: u32 = 0; which < PARAMETERS; which++) asked += isAsked(which) ? 1 : 0;
  replyMap(asked);
  for (let which: u32 = 0; which < PARAMETERS; which++) {
    if (isAsked(which)) replyParameter(which);
  }
}

/** Reads a number of bytes with the units that Redis knows: k, kb, m, mb, g, gb. Into `integer`. */
function readBytes(index: u32): bool {
  const at = argument(index);
  let length = argumentLength(index);
  let unit: i64 = 1;
  let isBinary = false;
  if (length > 1 && (load<u8>(at + length - 1) | 0x20) === 0x62) {
    isBinary = true;
    length -= 1;
  }
  const step: i64 = isBinary ? 1024 : 1000;
  const letter = length > 1 ? <u32>load<u8>(at + length - 1) | 0x20 : 0;
  if (letter === 0x6b) unit = step;
  else if (letter === 0x6d) unit = step * step;
  else if (letter === 0x67) unit = step * step * step;
  if (unit !== 1) length -= 1;
  if (!readInteger(at, length) || integer < 0 || integer > 0xffff_ffff_ffff / unit) return false;
  return scale(unit);
}

/** Bytes that `readBytes` read. */
let bytes: u64 = 0;

function scale(unit: i64): bool {
  bytes = <u64>(integer * unit);
  return true;
}

/** Checks a pair (or sets it, too). Returns why it cannot be; an empty text: it can. */
function change(index: u32, sets: bool): string {
  if (argumentIs(index, 'maxmemory')) {
    if (!readBytes(index + 1)) return 'argument must be a memory value';
    if (bytes > memoryLimit()) return 'more than the memory that the store was given';
    if (sets) setSetting64(MAX_MEMORY, bytes);
    return '';
  }
  if (argumentIs(index, 'maxmemory-policy')) {
    const policy = policyArgument(index + 1);
    if (policy < 0) {
      return 'argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, allkeys-lfu, allkeys-random, noeviction';
    }
    if (sets) setSetting(POLICY, policy);
    return '';
  }
  if (argumentIs(index, 'save')) return argumentLength(index + 1) === 0 ? '' : 'snapshots are made at the end only';
  if (argumentIs(index, 'appendonly')) return argumentIs(index + 1, 'no') ? '' : 'there is no append only file';
  const which: u32 = argumentIs(index, 'maxmemory-samples')
    ? 2
    : argumentIs(index, 'timeout')
      ? 6
      : argumentIs(index, 'lfu-log-factor')
        ? 7
        : argumentIs(index, 'lfu-decay-time')
          ? 8
          : 0;
  if (which === 0) return "can't set immutable config";
  if (!readInteger(argument(index + 1), argumentLength(index + 1)))
    return "argument couldn't be parsed into an integer";
  if (which === 2 && (integer < 1 || integer > 64)) return 'argument must be between 1 and 64 inclusive';
  if (integer < 0 || integer > 0x7fff_ffff) return 'argument must be between 0 and 2147483647 inclusive';
  if (sets) setSetting(placeOf(which), <u32>integer);
  return '';
}

function isKnown(index: u32): bool {
  for (let which: u32 = 0; which < PARAMETERS; which++) {
    if (argumentIs(index, nameOf(which))) return true;
  }
  return false;
}

/** Whether a parameter stands before in the same command. */
function isTwice(index: u32): bool {
  for (let which: u32 = 0; which < PARAMETERS; which++) {
    if (!argumentIs(index, nameOf(which))) continue;
    for (let before: u32 = 2; before < index; before += 2) if (argumentIs(before, nameOf(which))) return true;
  }
  return false;
}

function set(): void {
  for (let index: u32 = 2; index < argumentCount; index += 2) {
    if (!isKnown(index)) {
      beginError("ERR Unknown option or number of arguments for CONFIG SET - '");
      writeQuoted(argument(index), argumentLength(index));
      writeText("'");
      return endLine();
    }
    const why = isTwice(index) ? 'duplicate parameter' : change(index, false);
    if (why.length === 0) continue;
    beginError("ERR CONFIG SET failed (possibly related to argument '");
    writeQuoted(argument(index), argumentLength(index));
    writeText("') - ");
    writeText(why);
    return endLine();
  }
  for (let index: u32 = 2; index < argumentCount; index += 2) change(index, true);
  replyOk();
}

/** What INFO's stats and commandstats count begins anew. */
function resetFigures(): void {
  forgetCalls();
  setSetting64(INPUT_BYTES, 0);
  setSetting64(OUTPUT_BYTES, 0);
  setSetting64(CLIENTS_REFUSED, 0);
  setSetting64(QUERY_LIMIT_CLOSED, 0);
  setSetting64(OUTPUT_LIMIT_CLOSED, 0);
  setSetting64(EXPIRED, 0);
  setSetting64(EVICTED, 0);
  setSetting64(HITS, 0);
  setSetting64(MISSES, 0);
  setSetting64(COMMANDS, 0);
  setSetting64(CONNECTIONS, 0);
  setSetting64(ERROR_REPLIES, 0);
  replyOk();
}

/** Runs CONFIG. */
export function runConfig(): void {
  if (isSubcommand('config', 'get', -3)) return get();
  if (isSubcommand('config', 'set', -4)) {
    if ((argumentCount & 1) === 1) return wrongArity('config|set');
    return set();
  }
  if (isSubcommand('config', 'resetstat', 2)) return resetFigures();
  if (isSubcommand('config', 'rewrite', 2)) return replyError('ERR The server is running without a config file');
  noSubcommand('CONFIG', 'GET HELP RESETSTAT REWRITE SET');
}
