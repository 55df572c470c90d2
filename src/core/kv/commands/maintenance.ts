// Commands about what is kept and how: encodings and memory of values, snapshots, databases exchanged, the end. What is done outside of the store is asked of its
// caller (requests.ts).

import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { integer, readInteger } from '../../resp/numbers';
import { replyArray, replyError, replyInteger, replyNull, replyOk, replySimple, replyText } from '../../resp/reply';
import { countsUses, idleMs, usesOf } from '../access';
import { clientNumber, hasFlag, IN_MULTI } from '../clients';
import { ADMIN, addCommand, FAST, READONLY, WRITE } from '../command-table';
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
import { integerArgument, unknownSubcommand } from './errors';

/** Adds the commands. @param family what stands before their numbers. */
export function addMaintenanceCommands(family: u32): void {
  addCommand('swapdb', family, 3, WRITE | FAST, 0, 0, 0);
  addCommand('object', family + 1, -2, READONLY, 2, 2, 1);
  addCommand('memory', family + 2, -2, READONLY, 2, 2, 1);
  addCommand('save', family + 3, 1, ADMIN, 0, 0, 0);
  addCommand('bgsave', family + 4, -1, ADMIN, 0, 0, 0);
  addCommand('lastsave', family + 5, 1, FAST, 0, 0, 0);
  addCommand('shutdown', family + 6, -1, ADMIN, 0, 0, 0);
  addCommand('slowlog', family + 7, -2, ADMIN, 0, 0, 0);
  addCommand('latency', family + 8, -2, ADMIN, 0, 0, 0);
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
      ask(ASK_SAVE, -1);
      return replySimple('Background saving started');
    case 5:
      return replyInteger(<i64>savedAt);
    case 6:
      return shutdown();
    case 7:
      return noLog('SLOWLOG');
    default:
      return noLog('LATENCY');
  }
}

/** The reply comes when the snapshot is written; in a transaction nobody can wait for that. */
function save(client: usize): void {
  if (hasFlag(client, IN_MULTI)) return replyError('ERR SAVE is not possible within a transaction');
  ask(ASK_SAVE, <i32>clientNumber(client));
}

/** There is no log of slow commands: the questions have empty answers. */
function noLog(name: string): void {
  if (argumentIs(1, 'len')) return replyInteger(0);
  if (argumentIs(1, 'reset')) return replyOk();
  if (argumentIs(1, 'get') || argumentIs(1, 'latest')) return replyArray(0);
  unknownSubcommand(name);
}

function databaseOf(index: u32): i32 {
  if (!integerArgument(index)) return -1;
  if (integer >= 0 && integer < <i64>setting(DATABASES)) return <i32>integer;
  replyError('ERR DB index is out of range');
  return -1;
}

function swap(): void {
  const one = databaseOf(1);
  const other = one < 0 ? -1 : databaseOf(2);
  if (other < 0) return;
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
  if (argumentCount !== 3) return unknownSubcommand('OBJECT');
  const entry = peekKey(database, argument(2), argumentLength(2));
  if (argumentIs(1, 'encoding')) {
    if (entry === 0) return replyNull();
    return replyText(encodingOf(entry));
  }
  if (argumentIs(1, 'refcount')) return entry === 0 ? replyNull() : replyInteger(1);
  if (argumentIs(1, 'idletime')) {
    if (entry === 0) return replyNull();
    if (countsUses()) {
      return replyError(
        'ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.',
      );
    }
    return replyInteger(idleMs(entry) / 1000);
  }
  if (argumentIs(1, 'freq')) {
    if (entry === 0) return replyNull();
    if (!countsUses()) {
      return replyError(
        'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.',
      );
    }
    return replyInteger(usesOf(entry));
  }
  unknownSubcommand('OBJECT');
}

function memoryOf(): void {
  if (!argumentIs(1, 'usage') || argumentCount < 3) return unknownSubcommand('MEMORY');
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
  ask(argumentCount > 1 && argumentIs(1, 'nosave') ? ASK_SHUTDOWN_WITHOUT_SAVE : ASK_SHUTDOWN, -1);
}
