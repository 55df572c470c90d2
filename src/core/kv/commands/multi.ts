// MULTI, DISCARD, WATCH, UNWATCH. EXEC is in execute.ts, because it runs commands.

import { argument, argumentCount, argumentLength } from '../../resp/arguments';
import { replyError, replyOk } from '../../resp/reply';
import { hasFlag, IN_MULTI, SPOILED, setFlag, transactionOf } from '../clients';
import { addCommand, FAST, NOT_QUEUED } from '../command-table';
import { databaseNumber } from '../keyspace';
import { addWatch, beginTransaction, endTransaction } from '../transaction';
import { noRoom } from './errors';

/** Which number EXEC has in the family. */
export const EXEC: u32 = 4;

/** Adds the commands. @param family what stands before their numbers. */
export function addMultiCommands(family: u32): void {
  addCommand('multi', family, 1, FAST | NOT_QUEUED, 0, 0, 0);
  addCommand('discard', family + 1, 1, FAST | NOT_QUEUED, 0, 0, 0);
  addCommand('watch', family + 2, -2, FAST | NOT_QUEUED, 1, -1, 1);
  addCommand('unwatch', family + 3, 1, FAST, 0, 0, 0);
  addCommand('exec', family + EXEC, 1, NOT_QUEUED, 0, 0, 0);
}

/** Runs one of them for a client, but EXEC, by its number in the family. */
export function runMulti(number: u32, client: usize): void {
  switch (number) {
    case 0:
      if (hasFlag(client, IN_MULTI)) return replyError('ERR MULTI calls can not be nested');
      if (!beginTransaction(transactionOf(client))) return noRoom();
      setFlag(client, IN_MULTI, true);
      return replyOk();
    case 1:
      if (!hasFlag(client, IN_MULTI)) return replyError('ERR DISCARD without MULTI');
      leaveMulti(client);
      return replyOk();
    case 2:
      return watch(client);
    default:
      if (!hasFlag(client, IN_MULTI)) endTransaction(transactionOf(client));
      return replyOk();
  }
}

/** Ends a client's transaction, whether it ran or not. */
export function leaveMulti(client: usize): void {
  endTransaction(transactionOf(client));
  setFlag(client, IN_MULTI | SPOILED, false);
}

function watch(client: usize): void {
  if (hasFlag(client, IN_MULTI)) return replyError('ERR WATCH inside MULTI is not allowed');
  for (let index: u32 = 1; index < argumentCount; index++) {
    if (!addWatch(transactionOf(client), databaseNumber, argument(index), argumentLength(index))) return noRoom();
  }
  replyOk();
}
