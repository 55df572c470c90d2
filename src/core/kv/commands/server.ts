// Commands on the store as a whole: sizes, flushing, the time, INFO, COMMAND.

import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { reserve, written } from '../../resp/output';
import {
  beginError,
  endLine,
  replyArray,
  replyInteger,
  replyMap,
  replyNull,
  replyNumberText,
  replyOk,
  replySet,
  replySimple,
  writeHead,
  writeQuoted,
  writeText,
} from '../../resp/reply';
import {
  ADMIN,
  addCommand,
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
import { DATABASES } from '../control';
import { database, databaseNumber, flushDatabase, keysOf } from '../keyspace';
import { setting } from '../settings';
import { tableCount } from '../table';
import { wallUs } from '../time';
import { runConfig } from './config';
import { noRoom, syntaxError, unknownSubcommand, wrongArity } from './errors';
import { runInfo } from './info';

/** Adds the commands. @param family what stands before their numbers. */
export function addServerCommands(family: u32): void {
  addCommand('dbsize', family, 1, READONLY | FAST, 0, 0, 0);
  addCommand('flushdb', family + 1, -1, WRITE, 0, 0, 0);
  addCommand('flushall', family + 2, -1, WRITE, 0, 0, 0);
  addCommand('time', family + 3, 1, FAST, 0, 0, 0);
  addCommand('info', family + 4, -1, 0, 0, 0, 0);
  addCommand('config', family + 5, -2, ADMIN, 0, 0, 0);
  addCommand('command', family + 6, -1, 0, 0, 0, 0);
}

/** Runs one of them, by its number in the family. */
export function runServer(number: u32): void {
  switch (number) {
    case 0:
      return replyInteger(tableCount(keysOf(database)));
    case 1:
      return flush(false);
    case 2:
      return flush(true);
    case 3:
      return time();
    case 4:
      return runInfo();
    case 5:
      return runConfig();
    default:
      return command();
  }
}

function flush(all: bool): void {
  if (argumentCount > 2 || (argumentCount === 2 && !argumentIs(1, 'async') && !argumentIs(1, 'sync'))) {
    return syntaxError();
  }
  if (all) {
    for (let index: u32 = 0; index < setting(DATABASES); index++) {
      if (!flushDatabase(index)) return noRoom();
    }
  } else if (!flushDatabase(databaseNumber)) return noRoom();
  replyOk();
}

function time(): void {
  const us = wallUs();
  replyArray(2);
  replyNumberText(us / 1_000_000);
  replyNumberText(us % 1_000_000);
}

function replyName(row: usize): void {
  const length = commandNameLength(row);
  writeHead(0x24, length);
  const to = reserve(16);
  writeCommandName(row, to);
  written(length);
  endLine();
}

function flagsOf(flags: u32): u32 {
  return flags & (WRITE | READONLY | DENYOOM | ADMIN | PUBSUB | NO_AUTH | FAST | BLOCKING | MOVABLE);
}

function replyFlags(flags: u32): void {
  const told = flagsOf(flags);
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

function command(): void {
  if (argumentCount === 1) {
    replyArray(commandCount);
    for (let index: u32 = 0; index < commandCount; index++) describe(commandAt(index));
  } else if (argumentIs(1, 'count')) {
    if (argumentCount === 2) replyInteger(commandCount);
    else wrongArity('command|count');
  } else if (argumentIs(1, 'docs')) replyMap(0);
  else if (argumentIs(1, 'list') && argumentCount === 2) {
    replyArray(commandCount);
    for (let index: u32 = 0; index < commandCount; index++) replyName(commandAt(index));
  } else if (argumentIs(1, 'info')) {
    const all = argumentCount === 2;
    const asked = all ? commandCount : argumentCount - 2;
    replyArray(asked);
    for (let index: u32 = 0; index < asked; index++) {
      const row = all ? commandAt(index) : findCommand(argument(index + 2), argumentLength(index + 2));
      if (row === 0) replyNull();
      else describe(row);
    }
  } else unknownSubcommand('COMMAND');
}

/** A command that there is not, with the first of its arguments, as Redis words it. */
export function unknownCommand(): void {
  beginError("ERR unknown command '");
  writeQuoted(argument(0), argumentLength(0));
  writeText("', with args beginning with: ");
  let told: u32 = 0;
  for (let index: u32 = 1; index < argumentCount && told < 128; index++) {
    writeText("'");
    const length = argumentLength(index);
    writeQuoted(argument(index), length > 128 - told ? 128 - told : length);
    told += length + 3;
    writeText("' ");
  }
  endLine();
}
