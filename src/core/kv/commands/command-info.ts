// COMMAND: what commands there are, and where the keys of one are.

import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { integer, readInteger } from '../../resp/numbers';
import { reserve, written } from '../../resp/output';
import {
  endLine,
  replyArray,
  replyBulk,
  replyError,
  replyInteger,
  replyMap,
  replyNull,
  replySet,
  replySimple,
  writeHead,
} from '../../resp/reply';
import {
  ADMIN,
  arityFits,
  BLOCKING,
  commandArity,
  commandAt,
  commandCount,
  commandFlags,
  commandKeys,
  commandNameLength,
  DENYOOM,
  FAST,
  findCommand,
  MOVABLE,
  NO_AUTH,
  PUBSUB,
  READONLY,
  WRITE,
  writeCommandName,
} from '../command-table';
import { matchesPattern } from '../pattern';
import { syntaxError } from './errors';
import { isSubcommand, noSubcommand } from './subcommands';

function replyName(row: usize): void {
  const length = commandNameLength(row);
  writeHead(0x24, length);
  const to = reserve(16);
  writeCommandName(row, to);
  written(length);
  endLine();
}

function replyFlags(flags: u32): void {
  const told = flags & (WRITE | READONLY | DENYOOM | ADMIN | PUBSUB | NO_AUTH | FAST | BLOCKING | MOVABLE);
  replySet(popcnt<u32>(told));
  if ((told & WRITE) !== 0) replySimple('write');
  if ((told & READONLY) !== 0) replySimple('readonly');
  if ((told & DENYOOM) !== 0) replySimple('denyoom');
  if ((told & ADMIN) !== 0) replySimple('admin');
  if ((told & PUBSUB) !== 0) replySimple('pubsub');
  if ((told & NO_AUTH) !== 0) replySimple('no_auth');
  if ((told & BLOCKING) !== 0) replySimple('blocking');
  if ((told & MOVABLE) !== 0) replySimple('movablekeys');
  if ((told & FAST) !== 0) replySimple('fast');
}

/** One command as COMMAND describes it: ten elements, of which the last four are empty. */
function describe(row: usize): void {
  replyArray(10);
  replyName(row);
  replyInteger(commandArity(row));
  replyFlags(commandFlags(row));
  replyInteger(commandKeys(row, 0));
  replyInteger(commandKeys(row, 1));
  replyInteger(commandKeys(row, 2));
  replySet(1);
  replySimple(
    (commandFlags(row) & WRITE) !== 0 ? '@write' : (commandFlags(row) & READONLY) !== 0 ? '@read' : '@connection',
  );
  replyArray(0);
  replyArray(0);
  replyArray(0);
}

/** Runs COMMAND. */
export function runCommand(): void {
  if (argumentCount === 1) {
    replyArray(commandCount);
    for (let index: u32 = 0; index < commandCount; index++) describe(commandAt(index));
    return;
  }
  if (isSubcommand('command', 'count', 2)) return replyInteger(commandCount);
  // Nothing is known of how they are described: clients show their own words then.
  if (isSubcommand('command', 'docs', -2)) return replyMap(0);
  if (isSubcommand('command', 'list', -2)) return list();
  if (isSubcommand('command', 'info', -2)) return info();
  if (isSubcommand('command', 'getkeys', -3)) return keys();
  noSubcommand('COMMAND', 'COUNT DOCS GETKEYS HELP INFO LIST');
}

function info(): void {
  const all = argumentCount === 2;
  const asked = all ? commandCount : argumentCount - 2;
  replyArray(asked);
  for (let index: u32 = 0; index < asked; index++) {
    const row = all ? commandAt(index) : findCommand(argument(index + 2), argumentLength(index + 2));
    if (row === 0) replyNull();
    else describe(row);
  }
}

const nameBuffer = memory.data(16, 8);

function isListed(row: usize): bool {
  if (argumentCount === 2) return true;
  // Modules there are none; categories are those that COMMAND INFO tells of.
  if (argumentIs(3, 'module')) return false;
  if (argumentIs(3, 'aclcat')) {
    if (argumentIs(4, 'write')) return (commandFlags(row) & WRITE) !== 0;
    return argumentIs(4, 'read') && (commandFlags(row) & READONLY) !== 0;
  }
  writeCommandName(row, nameBuffer);
  return matchesPattern(argument(4), argumentLength(4), nameBuffer, commandNameLength(row));
}

function list(): void {
  if (argumentCount !== 2) {
    const isFilter = argumentCount === 5 && argumentIs(2, 'filterby');
    if (!isFilter || !(argumentIs(3, 'module') || argumentIs(3, 'aclcat') || argumentIs(3, 'pattern')))
      return syntaxError();
  }
  let listed: u32 = 0;
  for (let index: u32 = 0; index < commandCount; index++) listed += isListed(commandAt(index)) ? 1 : 0;
  replyArray(listed);
  for (let index: u32 = 0; index < commandCount; index++) if (isListed(commandAt(index))) replyName(commandAt(index));
}

/** The command whose keys are asked for is the third argument; all places are counted from there. */
const IT: u32 = 2;

/** Whether an argument of it says how many keys follow, into `integer`. */
function readKeyCount(index: u32): bool {
  if (index >= argumentCount || !readInteger(argument(index), argumentLength(index))) return false;
  return integer > 0 && integer < <i64>argumentCount - <i64>index;
}

function keys(): void {
  const row = findCommand(argument(IT), argumentLength(IT));
  if (row === 0) return replyError('ERR Invalid command specified');
  if (!arityFits(row, argumentCount - IT)) {
    return replyError('ERR Invalid number of arguments specified for command');
  }
  const first = commandKeys(row, 0);
  if ((commandFlags(row) & MOVABLE) !== 0) return movableKeys(row, first);
  if (first === 0) return replyError('ERR The command has no key arguments');
  const told = commandKeys(row, 1);
  const last: u32 = told < 0 ? argumentCount - <u32>-told : IT + <u32>told;
  const step = <u32>commandKeys(row, 2);
  // OBJECT HELP and its like.
  if (last >= argumentCount) return replyError('ERR The command has no key arguments');
  replyArray((last - (IT + <u32>first)) / step + 1);
  for (let index = IT + <u32>first; index <= last; index += step) replyBulk(argument(index), argumentLength(index));
}

/** Keys behind their number, which stands behind the key that is written to, or behind the time to wait, where there is one. */
function movableKeys(row: usize, first: i32): void {
  const waits = (commandFlags(row) & BLOCKING) !== 0;
  const at = IT + (first > 0 || waits ? 2 : 1);
  if (!readKeyCount(at)) return replyError('ERR Invalid arguments specified for command');
  const many = <u32>integer;
  replyArray(many + (first > 0 ? 1 : 0));
  if (first > 0) replyBulk(argument(IT + 1), argumentLength(IT + 1));
  for (let index: u32 = 1; index <= many; index++) replyBulk(argument(at + index), argumentLength(at + index));
}
