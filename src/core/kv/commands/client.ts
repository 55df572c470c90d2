// CLIENT and its subcommands.

import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { integer, readInteger } from '../../resp/numbers';
import { closeOutput, hideOutput, outputWaits } from '../../resp/output';
import { queryBytes } from '../../resp/query';
import {
  beginError,
  endLine,
  replyArray,
  replyBulk,
  replyError,
  replyInteger,
  replyMap,
  replyNull,
  replyOk,
  replySet,
  replyText,
  writeQuoted,
  writeText,
} from '../../resp/reply';
import { patternsOf } from '../channels';
import {
  BLOCKED,
  CLOSING,
  clientAge,
  clientAt,
  clientCommand,
  clientDatabase,
  clientId,
  clientIdle,
  clientNumber,
  clientOfId,
  clientsUsed,
  clientText,
  endClient,
  hasFlag,
  IN_MULTI,
  NO_EVICT,
  NO_TOUCH,
  queryOf,
  REPLY_OFF,
  REPLY_SKIP,
  RESP3,
  setFlag,
  setText,
  subscriptions,
  TEXT_LIBRARY,
  TEXT_NAME,
  TEXT_PEER,
  TEXT_VERSION,
  transactionOf,
} from '../clients';
import { addCommand, commandNameLength, SEVERAL, writeCommandName } from '../command-table';
import { sameBytes } from '../table';
import { addBytes, addNumber, addText, beginText, replyBuffer } from '../text-buffer';
import { queuedBytes, queuedCount } from '../transaction';
import { turnTo, unblock } from './blocking';
import { isName } from './connection';
import { integerArgument, noRoom, syntaxError } from './errors';
import { isSubcommand, noSubcommand } from './subcommands';

/** Adds the command. */
export function addClientCommands(family: u32): void {
  addCommand('client', family, -2, SEVERAL, 0, 0, 0);
}

/** Runs it for a client. */
export function runClient(client: usize): void {
  if (isSubcommand('client', 'id', 2)) return replyInteger(<i64>clientId(client));
  if (isSubcommand('client', 'getname', 2)) return getName(client);
  if (isSubcommand('client', 'setname', 3)) return setName(client);
  if (isSubcommand('client', 'setinfo', 4)) return setInfo(client);
  if (isSubcommand('client', 'info', 2)) return info(client);
  if (isSubcommand('client', 'list', -2)) return list();
  if (isSubcommand('client', 'reply', 3)) return reply(client);
  if (isSubcommand('client', 'kill', -3)) return kill(client);
  if (isSubcommand('client', 'no-evict', 3)) return onOff(client, NO_EVICT);
  if (isSubcommand('client', 'no-touch', 3)) return onOff(client, NO_TOUCH);
  if (isSubcommand('client', 'unblock', -3)) return unblockOther(client);
  runWithout();
}

/** What belongs to things that there are not: keys are not followed for clients, and there is no replica for which they would be paused. */
function runWithout(): void {
  if (isSubcommand('client', 'unpause', 2)) return replyOk();
  if (isSubcommand('client', 'pause', -3)) {
    return replyError('ERR CLIENT PAUSE is not possible: this store has no replica that could take over');
  }
  if (isSubcommand('client', 'getredir', 2)) return replyInteger(-1);
  if (isSubcommand('client', 'trackinginfo', 2)) return trackingInfo();
  if (isSubcommand('client', 'tracking', -3)) {
    if (argumentIs(2, 'off')) return replyOk();
    return replyError('ERR CLIENT TRACKING is not possible: this store does not tell clients which keys were changed');
  }
  if (isSubcommand('client', 'caching', 3)) {
    return replyError(
      'ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled',
    );
  }
  noSubcommand(
    'CLIENT',
    'GETNAME GETREDIR HELP ID INFO KILL LIST NO-EVICT NO-TOUCH REPLY SETINFO SETNAME TRACKINGINFO UNBLOCK UNPAUSE',
  );
}

function trackingInfo(): void {
  replyMap(3);
  replyText('flags');
  replySet(1);
  replyText('off');
  replyText('redirect');
  replyInteger(-1);
  replyText('prefixes');
  replyArray(0);
}

function getName(client: usize): void {
  const name = clientText(client, TEXT_NAME);
  if (name === 0) replyNull();
  else replyBulk(name + 4, load<u32>(name));
}

function setName(client: usize): void {
  if (!isName(2, 'Client names')) return;
  if (setText(client, TEXT_NAME, argument(2), argumentLength(2))) replyOk();
  else noRoom();
}

function setInfo(client: usize): void {
  const isLibrary = argumentIs(2, 'lib-name');
  if (!isLibrary && !argumentIs(2, 'lib-ver')) return syntaxError();
  if (!isName(3, isLibrary ? 'lib-name' : 'lib-ver')) return;
  if (setText(client, isLibrary ? TEXT_LIBRARY : TEXT_VERSION, argument(3), argumentLength(3))) replyOk();
  else noRoom();
}

function reply(client: usize): void {
  if (argumentIs(2, 'on')) {
    setFlag(client, REPLY_OFF | REPLY_SKIP, false);
    hideOutput(false);
    replyOk();
  } else if (argumentIs(2, 'off')) setFlag(client, REPLY_OFF, true);
  else if (argumentIs(2, 'skip')) setFlag(client, REPLY_SKIP, true);
  else syntaxError();
}

function onOff(client: usize, flag: u32): void {
  const isOn = argumentIs(2, 'on');
  if (!isOn && !argumentIs(2, 'off')) return syntaxError();
  setFlag(client, flag, isOn);
  replyOk();
}

const nameBuffer = memory.data(16, 8);

function addTextOf(client: usize, which: u32): void {
  const text = clientText(client, which);
  if (text !== 0) addBytes(text + 4, load<u32>(text));
}

/** A client's line, in the order that programs know. */
function describe(client: usize): void {
  addText('id=');
  addNumber(<i64>clientId(client));
  addText(' addr=');
  addTextOf(client, TEXT_PEER);
  addText(' laddr= fd=');
  addNumber(clientNumber(client));
  addText(' name=');
  addTextOf(client, TEXT_NAME);
  addText(' age=');
  addNumber(clientAge(client));
  addText(' idle=');
  addNumber(clientIdle(client));
  addText(' flags=');
  if (hasFlag(client, BLOCKED)) addText('b');
  else
    addText(subscriptions(client) > 0 ? 'P' : hasFlag(client, IN_MULTI) ? 'x' : hasFlag(client, CLOSING) ? 'c' : 'N');
  addText(' db=');
  addNumber(clientDatabase(client));
  const patterns = patternsOf(client);
  addText(' sub=');
  addNumber(subscriptions(client) - patterns);
  addText(' psub=');
  addNumber(patterns);
  addText(' ssub=0 multi=');
  const isMulti = hasFlag(client, IN_MULTI);
  addNumber(isMulti ? <i64>queuedCount(transactionOf(client)) : -1);
  // What there is of some in Redis is here in what stands beside them, and programs read all of them as numbers.
  const query = queryBytes(queryOf(client));
  addText(' qbuf=');
  addNumber(query);
  const queued: u32 = isMulti ? queuedBytes(transactionOf(client)) : 0;
  addText(' qbuf-free=0 argv-mem=0 multi-mem=');
  addNumber(queued);
  addText(' obl=0 oll=0 omem=');
  addNumber(outputWaits(client));
  addText(' tot-mem=');
  addNumber(<i64>query + <i64>queued + <i64>outputWaits(client));
  addText(' events=r cmd=');
  const command = clientCommand(client);
  if (command !== 0) {
    writeCommandName(command, nameBuffer);
    addBytes(nameBuffer, commandNameLength(command));
  }
  addText(' user=default redir=-1 lib-name=');
  addTextOf(client, TEXT_LIBRARY);
  addText(' lib-ver=');
  addTextOf(client, TEXT_VERSION);
  addText(hasFlag(client, RESP3) ? ' resp=3\n' : ' resp=2\n');
}

function info(client: usize): void {
  beginText();
  describe(client);
  replyBuffer();
}

const NORMAL: u32 = 0;
const SUBSCRIBER: u32 = 1;
/** Masters and replicas: nobody is one. */
const NOBODY: u32 = 2;

/** The type of clients that an argument names; -1: none, which has been replied to. */
function readType(index: u32): i32 {
  if (argumentIs(index, 'normal')) return NORMAL;
  if (argumentIs(index, 'pubsub')) return SUBSCRIBER;
  if (argumentIs(index, 'master') || argumentIs(index, 'replica') || argumentIs(index, 'slave')) return NOBODY;
  beginError("ERR Unknown client type '");
  writeQuoted(argument(index), argumentLength(index));
  writeText("'");
  endLine();
  return -1;
}

function isOfType(client: usize, type: u32): bool {
  return type === (subscriptions(client) > 0 ? SUBSCRIBER : NORMAL);
}

function list(): void {
  const byId = argumentCount > 3 && argumentIs(2, 'id');
  const byType = argumentCount === 4 && argumentIs(2, 'type');
  if (argumentCount > 2 && !byId && !byType) return syntaxError();
  const type = byType ? readType(3) : 0;
  if (type < 0) return;
  for (let index: u32 = 3; byId && index < argumentCount; index++) {
    if (!readInteger(argument(index), argumentLength(index))) return replyError('ERR Invalid client ID');
  }
  beginText();
  for (let index: u32 = 3; byId && index < argumentCount; index++) {
    readInteger(argument(index), argumentLength(index));
    const client = clientOfId(<u64>integer);
    if (client !== 0) describe(client);
  }
  for (let number: u32 = 0; !byId && number < clientsUsed; number++) {
    const client = clientAt(number);
    if (client !== 0 && (!byType || isOfType(client, <u32>type))) describe(client);
  }
  replyBuffer();
}

/** Ends the waiting of another client. */
function unblockOther(self: usize): void {
  if (argumentCount > 4) return syntaxError();
  const isError = argumentCount === 4 && argumentIs(3, 'error');
  if (argumentCount === 4 && !isError && !argumentIs(3, 'timeout')) {
    return replyError('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR');
  }
  if (!integerArgument(2)) return;
  const other = clientOfId(<u64>integer);
  const waits = other !== 0 && hasFlag(other, BLOCKED);
  if (waits) {
    closeOutput();
    unblock(other, isError);
    turnTo(self);
  }
  replyInteger(waits ? 1 : 0);
}

function isPeer(client: usize, index: u32): bool {
  const text = clientText(client, TEXT_PEER);
  const length = argumentLength(index);
  if (text === 0 || load<u32>(text) !== length) return false;
  return sameBytes(text + 4, argument(index), length);
}

/** Reads the filters of CLIENT KILL: pairs, of which each must fit. Returns false where one is wrong, which has been replied to. */
function readFilters(): bool {
  skipsSelf = true;
  if ((argumentCount & 1) === 1) {
    syntaxError();
    return false;
  }
  for (let index: u32 = 2; index < argumentCount; index += 2) {
    if (argumentIs(index, 'id')) {
      if (!readInteger(argument(index + 1), argumentLength(index + 1)) || integer < 1) {
        replyError('ERR client-id should be greater than 0');
        return false;
      }
    } else if (argumentIs(index, 'type')) {
      if (readType(index + 1) < 0) return false;
    } else if (argumentIs(index, 'skipme') && (argumentIs(index + 1, 'yes') || argumentIs(index + 1, 'no'))) {
      skipsSelf = argumentIs(index + 1, 'yes');
    } else if (!argumentIs(index, 'addr') && !argumentIs(index, 'laddr') && !argumentIs(index, 'user')) {
      syntaxError();
      return false;
    }
  }
  return true;
}
let skipsSelf: bool = true;

/** Ends clients: the old form by address, or those that filters leave. */
function kill(self: usize): void {
  const isOld = argumentCount === 3;
  if (!isOld && !readFilters()) return;
  let killed: u32 = 0;
  for (let number: u32 = 0; number < clientsUsed; number++) {
    const client = clientAt(number);
    if (client === 0 || (!isOld && client === self && skipsSelf)) continue;
    if (isOld ? !isPeer(client, 2) : !isMeant(client)) continue;
    endClient(client, client !== self);
    killed += 1;
  }
  if (!isOld) replyInteger(killed);
  else if (killed > 0) replyOk();
  else replyError('ERR No such client');
}

function isMeant(client: usize): bool {
  for (let index: u32 = 2; index < argumentCount; index += 2) {
    if (argumentIs(index, 'addr') && !isPeer(client, index + 1)) return false;
    // Where it arrived is not kept, and everybody is the one user.
    if (argumentIs(index, 'laddr')) return false;
    if (argumentIs(index, 'user') && !argumentIs(index + 1, 'default')) return false;
    if (argumentIs(index, 'type') && !isOfType(client, <u32>readType(index + 1))) return false;
    if (!argumentIs(index, 'id')) continue;
    readInteger(argument(index + 1), argumentLength(index + 1));
    if (<u64>integer !== clientId(client)) return false;
  }
  return true;
}
