// Commands on the store as a whole: sizes, flushing, the time; INFO, CONFIG and COMMAND have files of their own.

import { argumentCount, argumentIs } from '../../resp/arguments';
import { replyArray, replyInteger, replyNumberText, replyOk } from '../../resp/reply';
import { ADMIN, addCommand, FAST, READONLY, SEVERAL, WRITE } from '../command-table';
import { DATABASES } from '../control';
import { database, databaseNumber, flushDatabase, keysOf } from '../keyspace';
import { setting } from '../settings';
import { tableCount } from '../table';
import { wallUs } from '../time';
import { runCommand } from './command-info';
import { runConfig } from './config';
import { noRoom, syntaxError } from './errors';
import { runInfo } from './info';

/** Adds the commands. @param family what stands before their numbers. */
export function addServerCommands(family: u32): void {
  addCommand('dbsize', family, 1, READONLY | FAST, 0, 0, 0);
  addCommand('flushdb', family + 1, -1, WRITE, 0, 0, 0);
  addCommand('flushall', family + 2, -1, WRITE, 0, 0, 0);
  addCommand('time', family + 3, 1, FAST, 0, 0, 0);
  addCommand('info', family + 4, -1, 0, 0, 0, 0);
  addCommand('config', family + 5, -2, ADMIN | SEVERAL, 0, 0, 0);
  addCommand('command', family + 6, -1, SEVERAL, 0, 0, 0);
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
      return runCommand();
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
