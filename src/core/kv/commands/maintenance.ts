// Commands about what is kept and how: encodings and memory of values, snapshots, databases exchanged, the end. What is done outside of the store is asked of its
// caller (requests.ts).

import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { integer, readInteger } from '../../resp/numbers';
import {
  replyArray,
  replyError,
  replyInteger,
  replyMap,
  replyNull,
  replyOk,
  replySimple,
  replyText,
} from '../../resp/reply';
import { countsUses, idleMs, usesOf } from '../access';
import { clientNumber, hasFlag, IN_MULTI } from '../clients';
import { ADMIN, addCommand, FAST, READONLY, SEVERAL, WRITE } from '../command-table';
import { DATABASES } from '../control';
import {
  entryMemory,
  entryType,
  entryValue,
  stringAt,
  stringLength,
  TYPE_HASH,
  TYPE_LIST,
  TYPE_SET,
  TYPE_STRING,
} from '../entry';
import { fieldsOf } from '../hash-fields';
import { database, findForRead, peekKey, swapDatabases } from '../keyspace';
import { listCount } from '../list';
import { ASK_SAVE, ASK_SHUTDOWN, ASK_SHUTDOWN_WITHOUT_SAVE, ask, savedAt } from '../requests';
import { setting } from '../settings';
import { sortedCount } from '../sorted-set';
import { tableCount } from '../table';
import { integerArgument, syntaxError } from './errors';
import { isSubcommand, noSubcommand } from './subcommands';

/** Adds the commands. @param family what stands before their numbers. */
export function addMaintenanceCommands(family: u32): void {
  addCommand('swapdb', family, 3, WRITE | FAST, 0, 0, 0);
  addCommand('object', family + 1, -2, READONLY | SEVERAL, 2, 2, 1);
  addCommand('memory', family + 2, -2, READONLY | SEVERAL, 2, 2, 1);
  addCommand('save', family + 3, 1, ADMIN, 0, 0, 0);
  addCommand('bgsave', family + 4, -1, ADMIN, 0, 0, 0);
  addCommand('lastsave', family + 5, 1, FAST, 0, 0, 0);
  addCommand('shutdown', family + 6, -1, ADMIN, 0, 0, 0);
  addCommand('slowlog', family + 7, -2, ADMIN | SEVERAL, 0, 0, 0);
  addCommand('latency', family + 8, -2, ADMIN | SEVERAL, 0, 0, 0);
}

/** Runs the command of a number in this family. */
export function runMaintenance(client: usize, number: u32): void {
  switch (number) {
    case 0:
      return swap();
    case 1:
      return object();
    case 2:
      return memoryOf();
    case 3:
      return save(client);
    case 4:
      if (argumentCount > 1 && !(argumentCount === 2 && argumentIs(1, 'schedule'))) return syntaxError();
      ask(ASK_SAVE, -1);
      return replySimple('Background saving started');
    case 5:
      return replyInteger(<i64>savedAt);
    case 6:
      return shutdown();
    case 7:
      return slowlog();
    default:
      return latency();
  }
}

/** The reply comes when the snapshot is written; in a transaction nobody can wait for that. */
function save(client: usize): void {
  if (hasFlag(client, IN_MULTI)) return replyError('ERR SAVE is not possible within a transaction');
  ask(ASK_SAVE, <i32>clientNumber(client));
}

/** There is no log of slow commands: the questions have empty answers. */
function slowlog(): void {
  if (isSubcommand('slowlog', 'len', 2)) return replyInteger(0);
  if (isSubcommand('slowlog', 'reset', 2)) return replyOk();
  if (isSubcommand('slowlog', 'get', -2)) {
    if (argumentCount === 2) return replyArray(0);
    if (readInteger(argument(2), argumentLength(2)) && integer >= -1) return replyArray(0);
    return replyError('ERR count should be greater than or equal to -1');
  }
  noSubcommand('SLOWLOG', 'GET HELP LEN RESET');
}

/** Nor are delays measured. */
function latency(): void {
  if (isSubcommand('latency', 'latest', 2) || isSubcommand('latency', 'history', 3)) return replyArray(0);
  if (isSubcommand('latency', 'reset', -2)) return replyInteger(0);
  if (isSubcommand('latency', 'histogram', -2)) return replyMap(0);
  if (isSubcommand('latency', 'doctor', 2)) {
    return replyText('This store does not measure its delays. What it does: clearway kv --live, or --metrics.');
  }
  noSubcommand('LATENCY', 'DOCTOR HELP HISTOGRAM HISTORY LATEST RESET');
}

/** The database that an argument names; -1: it names none, which has been replied to; OUT_OF_RANGE. */
function databaseOf(index: u32): i32 {
  if (readInteger(argument(index), argumentLength(index))) {
    return integer >= 0 && integer < <i64>setting(DATABASES) ? <i32>integer : OUT_OF_RANGE;
  }
  replyError(index === 1 ? 'ERR invalid first DB index' : 'ERR invalid second DB index');
  return -1;
}
const OUT_OF_RANGE: i32 = -2;

function swap(): void {
  const one = databaseOf(1);
  const other = one === -1 ? -1 : databaseOf(2);
  if (one === -1 || other === -1) return;
  if (one < 0 || other < 0) return replyError('ERR DB index is out of range');
  if (one !== other) swapDatabases(<u32>one, <u32>other);
  replyOk();
}

/** How a value is kept, in Redis' words for what is nearest to it. */
function encodingOf(entry: usize): string {
  const type = entryType(entry);
  if (type === TYPE_STRING) {
    if (stringLength(entry) <= 20 && readInteger(stringAt(entry), stringLength(entry))) return 'int';
    return stringLength(entry) <= 44 ? 'embstr' : 'raw';
  }
  if (type === TYPE_LIST) return 'quicklist';
  return type === TYPE_SET || type === TYPE_HASH ? 'hashtable' : 'skiplist';
}

function object(): void {
  if (isSubcommand('object', 'encoding', 3)) return encoding();
  if (isSubcommand('object', 'refcount', 3)) {
    if (objectOf() === 0) replyNull();
    else replyInteger(1);
    return;
  }
  if (isSubcommand('object', 'idletime', 3)) return idleTime();
  if (isSubcommand('object', 'freq', 3)) return frequency();
  noSubcommand('OBJECT', 'ENCODING FREQ HELP IDLETIME REFCOUNT');
}

/** The entry of the key that is asked about, which is no use of it; 0: there is none. */
function objectOf(): usize {
  return peekKey(database, argument(2), argumentLength(2));
}

function encoding(): void {
  const entry = objectOf();
  if (entry === 0) replyNull();
  else replyText(encodingOf(entry));
}

function idleTime(): void {
  const entry = objectOf();
  if (entry === 0) return replyNull();
  if (!countsUses()) return replyInteger(idleMs(entry) / 1000);
  replyError(
    'ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.',
  );
}

function frequency(): void {
  const entry = objectOf();
  if (entry === 0) return replyNull();
  if (countsUses()) return replyInteger(usesOf(entry));
  replyError(
    'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.',
  );
}

function memoryOf(): void {
  if (isSubcommand('memory', 'usage', -3)) return usage();
  if (isSubcommand('memory', 'purge', 2)) return replyOk();
  if (isSubcommand('memory', 'doctor', 2)) {
    return replyText('This store has one memory of a fixed size. How full it is: INFO memory.');
  }
  noSubcommand('MEMORY', 'DOCTOR HELP PURGE USAGE');
}

function usage(): void {
  if (argumentCount > 3) {
    if (argumentCount !== 5 || !argumentIs(3, 'samples')) return syntaxError();
    if (!integerArgument(4)) return;
    if (integer < 0) return syntaxError();
  }
  const entry = findForRead(argument(2), argumentLength(2));
  if (entry === 0) return replyNull();
  let bytes: u64 = <u64>entryMemory(entry);
  const value = entryValue(entry);
  // An estimate, as Redis gives one: what an element costs beside its bytes, which are not looked at.
  if (entryType(entry) === TYPE_LIST) bytes += <u64>listCount(value) * 48;
  else if (entryType(entry) === TYPE_SET || entryType(entry) === TYPE_HASH)
    bytes += <u64>tableCount(fieldsOf(value)) * 48;
  else if (entryType(entry) !== TYPE_STRING) bytes += <u64>sortedCount(value) * 80;
  replyInteger(<i64>bytes);
}

function shutdown(): void {
  let what = ASK_SHUTDOWN;
  for (let index: u32 = 1; index < argumentCount; index++) {
    if (argumentIs(index, 'abort') && argumentCount === 2) return replyError('ERR No shutdown in progress.');
    if (argumentIs(index, 'nosave')) what = ASK_SHUTDOWN_WITHOUT_SAVE;
    else if (!argumentIs(index, 'save') && !argumentIs(index, 'now') && !argumentIs(index, 'force'))
      return syntaxError();
  }
  ask(what, -1);
}
