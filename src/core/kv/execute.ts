// A command, once its arguments are there: found, checked, run.

import { argument, argumentCount, argumentLength } from '../resp/arguments';
import {
  beginError,
  endLine,
  replyArray,
  replyError,
  replyNullArray,
  replySimple,
  writeQuoted,
  writeText,
} from '../resp/reply';
import {
  AUTHENTICATED,
  endClient,
  hasFlag,
  IN_MULTI,
  noteUse,
  RESP3,
  RESTORING,
  SPOILED,
  setFlag,
  subscriptions,
  transactionOf,
} from './clients';
import {
  arityFits,
  commandFlags,
  commandNumber,
  commandsBegin,
  countCall,
  DENYOOM,
  findCommand,
  NO_AUTH,
  NOT_QUEUED,
  SEVERAL,
  WHILE_SUBSCRIBED,
} from './command-table';
import { addBitCommands, runBits } from './commands/bits';
import { addBlockingCommands, runBlocking, serveWaiting } from './commands/blocking';
import { addClientCommands, runClient } from './commands/client';
import { addConnectionCommands, runConnection } from './commands/connection';
import { noRoom } from './commands/errors';
import { addHashCommands, runHash } from './commands/hashes';
import { addKeyCommands, runKey } from './commands/keys';
import { addListCommands, runList } from './commands/lists';
import { addMaintenanceCommands, runMaintenance } from './commands/maintenance';
import { addMultiCommands, EXEC, leaveMulti, runMulti } from './commands/multi';
import { addPubsubCommands, runPubsub } from './commands/pubsub';
import { isOfHttp, unknownCommand } from './commands/refused';
import { addScanCommands, runScan } from './commands/scanning';
import { addServerCommands, runServer } from './commands/server';
import { addSetCommands, runSet } from './commands/sets';
import { addSortedCommands, runSorted } from './commands/sorted-sets';
import { addStringCommands, runString } from './commands/strings';
import { askOnly, isKnown } from './commands/subcommands';
import { addTopologyCommands, runTopology } from './commands/topology';
import { COMMANDS, PROTOCOL_ERRORS } from './control';
import { makeRoom } from './eviction';
import { isOverLimit } from './limit';
import { count } from './settings';
import { release } from './slabs';
import { nextQueued, queueCommand, queuedCount, watchedChanged } from './transaction';
import { hasReady } from './waiting';

const STRINGS: u32 = 0;
const KEYS: u32 = 1;
const SCANS: u32 = 2;
const CONNECTION: u32 = 3;
const CLIENT: u32 = 4;
const MULTI: u32 = 5;
const PUBSUBS: u32 = 6;
const HASHES: u32 = 7;
const LISTS: u32 = 8;
const SETS: u32 = 9;
const SORTED: u32 = 10;
const MAINTENANCE: u32 = 11;
const BLOCKINGS: u32 = 12;
const BITS: u32 = 13;
const TOPOLOGY: u32 = 14;
const FAMILY_SHIFT: u32 = 5;

/** Fills the table of commands. */
export function executeBegin(): void {
  commandsBegin();
  addStringCommands(STRINGS << FAMILY_SHIFT);
  addKeyCommands(KEYS << FAMILY_SHIFT);
  addScanCommands(SCANS << FAMILY_SHIFT);
  addConnectionCommands(CONNECTION << FAMILY_SHIFT);
  addClientCommands(CLIENT << FAMILY_SHIFT);
  addMultiCommands(MULTI << FAMILY_SHIFT);
  addPubsubCommands(PUBSUBS << FAMILY_SHIFT);
  addHashCommands(HASHES << FAMILY_SHIFT);
  addListCommands(LISTS << FAMILY_SHIFT);
  addSetCommands(SETS << FAMILY_SHIFT);
  addSortedCommands(SORTED << FAMILY_SHIFT);
  addMaintenanceCommands(MAINTENANCE << FAMILY_SHIFT);
  addBlockingCommands(BLOCKINGS << FAMILY_SHIFT);
  addBitCommands(BITS << FAMILY_SHIFT);
  addTopologyCommands(TOPOLOGY << FAMILY_SHIFT);
  addServerCommands(31 << FAMILY_SHIFT);
}

/** Runs the command in the arguments for a client, or replies why not. */
export function execute(client: usize): void {
  const command = findCommand(argument(0), argumentLength(0));
  if (command === 0) {
    // A browser was led to send this here: nothing that it says is a command of its user.
    if (isOfHttp()) {
      count(PROTOCOL_ERRORS, 1);
      return endClient(client, true);
    }
    spoil(client);
    return unknownCommand();
  }
  if (!arityFits(command, argumentCount)) {
    spoil(client);
    return badArity(client, command);
  }
  noteUse(client, command);
  const flags = commandFlags(command);
  if (!hasFlag(client, AUTHENTICATED) && (flags & NO_AUTH) === 0) return replyError('NOAUTH Authentication required.');
  if (isOverLimit() && !hasFlag(client, RESTORING) && !makeRoom() && (flags & DENYOOM) !== 0) {
    spoil(client);
    return noRoom();
  }
  if (subscriptions(client) > 0 && (flags & WHILE_SUBSCRIBED) === 0 && !hasFlag(client, RESP3)) return onlySubscribed();
  if (hasFlag(client, IN_MULTI) && (flags & NOT_QUEUED) === 0) return queue(client, command);
  count(COMMANDS, 1);
  countCall(command);
  run(commandNumber(command), client);
  if (hasReady()) serveWaiting(client);
}

/** A command of a transaction was refused: so will be EXEC. */
function spoil(client: usize): void {
  if (hasFlag(client, IN_MULTI)) setFlag(client, SPOILED, true);
}

function queue(client: usize, command: usize): void {
  if (!hasSubcommand(client, command)) return spoil(client);
  if (queueCommand(transactionOf(client))) return replySimple('QUEUED');
  spoil(client);
  noRoom();
}

/** Whether a command that is several is one of them and has the arguments for that; else that is replied. */
function hasSubcommand(client: usize, command: usize): bool {
  if ((commandFlags(command) & SEVERAL) === 0 || argumentCount === 1) return true;
  askOnly(true);
  run(commandNumber(command), client);
  askOnly(false);
  return isKnown;
}

/** Runs what waits, one after another, as long as nothing that the client watched was changed. */
function executeQueued(client: usize): void {
  if (!hasFlag(client, IN_MULTI)) return replyError('ERR EXEC without MULTI');
  const transaction = transactionOf(client);
  if (hasFlag(client, SPOILED)) {
    leaveMulti(client);
    return replyError('EXECABORT Transaction discarded because of previous errors.');
  }
  if (watchedChanged(transaction)) {
    leaveMulti(client);
    return replyNullArray();
  }
  replyArray(queuedCount(transaction));
  for (let queued = nextQueued(transaction); queued !== 0; queued = nextQueued(transaction)) {
    const command = findCommand(argument(0), argumentLength(0));
    count(COMMANDS, 1);
    countCall(command);
    if ((commandFlags(command) & DENYOOM) !== 0 && isOverLimit() && !makeRoom()) noRoom();
    else run(commandNumber(command), client);
    release(queued);
  }
  leaveMulti(client);
}

function run(number: u32, client: usize): void {
  const which = number & 31;
  switch (number >> FAMILY_SHIFT) {
    case STRINGS:
      return runString(which);
    case KEYS:
      return runKey(which);
    case SCANS:
      return runScan(which);
    case CONNECTION:
      return runConnection(which, client);
    case CLIENT:
      return runClient(client);
    case MULTI:
      if (which === EXEC) return executeQueued(client);
      return runMulti(which, client);
    case PUBSUBS:
      return runPubsub(which, client);
    case HASHES:
      return runHash(which);
    case LISTS:
      return runList(which);
    case SETS:
      return runSet(which);
    case SORTED:
      return runSorted(which);
    case MAINTENANCE:
      return runMaintenance(client, which);
    case BLOCKINGS:
      return runBlocking(which, client);
    case BITS:
      return runBits(which);
    case TOPOLOGY:
      return runTopology(which);
    default:
      return runServer(which);
  }
}

const lowered = memory.data(16, 8);

/** The command's name in lower case, within an error. It is one of the table: at most 16 bytes. */
function writeName(): void {
  const length = argumentLength(0);
  for (let index: u32 = 0; index < length; index++) {
    const byte = <u32>load<u8>(argument(0) + index);
    store<u8>(lowered + index, <u8>(byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte));
  }
  writeQuoted(lowered, length);
}

function badArity(client: usize, command: usize): void {
  if (commandNumber(command) === ((MULTI << FAMILY_SHIFT) | EXEC)) {
    leaveMulti(client);
    return replyError("EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command");
  }
  beginError("ERR wrong number of arguments for '");
  writeName();
  writeText("' command");
  endLine();
}

function onlySubscribed(): void {
  beginError("ERR Can't execute '");
  writeName();
  writeText("': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context");
  endLine();
}
