// CLIENT and its subcommands.

import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { integer } from '../../resp/numbers';
import { closeOutput, outputWaits } from '../../resp/output';
import { queryBytes } from '../../resp/query';
import { replyBulk, replyError, replyInteger, replyNull, replyOk } from '../../resp/reply';
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
} from '../clients';
import { addCommand, commandNameLength, writeCommandName } from '../command-table';
import { sameBytes } from '../table';
import { addBytes, addNumber, addText, beginText, replyBuffer } from '../text-buffer';
import { turnTo, unblock } from './blocking';
import { isName } from './connection';
import { integerArgument, noRoom, syntaxError, unknownSubcommand, wrongArity } from './errors';

/** Adds the command. */
export function addClientCommands(family: u32): void {
  addCommand('client', family, -2, 0, 0, 0, 0);
}

/** Runs it for a client. */
export function runClient(client: usize): void {
  if (argumentIs(1, 'id')) return replyInteger(<i64>clientId(client));
  if (argumentIs(1, 'getname')) return getName(client);
  if (argumentIs(1, 'setname') && argumentCount === 3) return setName(client);
  if (argumentIs(1, 'setinfo') && argumentCount === 4) return setInfo(client);
  if (argumentIs(1, 'info')) return info(client);
  if (argumentIs(1, 'list')) return list();
  if (argumentIs(1, 'reply') && argumentCount === 3) return reply(client);
  if (argumentIs(1, 'kill') && argumentCount > 2) return kill(client);
  if (argumentIs(1, 'no-evict') && argumentCount === 3) return onOff(client, NO_EVICT);
  if (argumentIs(1, 'no-touch') && argumentCount === 3) return onOff(client, NO_TOUCH);
  if (argumentIs(1, 'unblock') && argumentCount > 2 && argumentCount < 5) return unblockOther(client);
  if (argumentIs(1, 'unpause')) return replyOk();
  if (argumentIs(1, 'getredir')) return replyInteger(-1);
  if (argumentIs(1, 'setname') || argumentIs(1, 'setinfo') || argumentIs(1, 'reply') || argumentIs(1, 'kill')) {
    return wrongArity(
      argumentIs(1, 'setname')
        ? 'client|setname'
        : argumentIs(1, 'reply')
          ? 'client|reply'
          : argumentIs(1, 'kill')
            ? 'client|kill'
            : 'client|setinfo',
    );
  }
  unknownSubcommand('CLIENT');
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
  addText(' sub=');
  addNumber(subscriptions(client));
  addText(' qbuf=');
  addNumber(queryBytes(queryOf(client)));
  addText(' omem=');
  addNumber(outputWaits(client));
  addText(' cmd=');
  const command = clientCommand(client);
  if (command !== 0) {
    writeCommandName(command, nameBuffer);
    addBytes(nameBuffer, commandNameLength(command));
  }
  addText(' user=default lib-name=');
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

function list(): void {
  if (
    argumentCount > 2 &&
    !(argumentIs(2, 'id') && argumentCount > 3) &&
    !(argumentIs(2, 'type') && argumentCount === 4)
  ) {
    return syntaxError();
  }
  beginText();
  if (argumentCount > 2 && argumentIs(2, 'id')) {
    for (let index: u32 = 3; index < argumentCount; index++) {
      if (!integerArgument(index)) return;
      const client = clientOfId(<u64>integer);
      if (client !== 0) describe(client);
    }
  } else {
    for (let number: u32 = 0; number < clientsUsed; number++) {
      const client = clientAt(number);
      if (client === 0) continue;
      if (argumentCount === 4 && (argumentIs(3, 'pubsub') ? 1 : 0) !== (subscriptions(client) > 0 ? 1 : 0)) continue;
      describe(client);
    }
  }
  replyBuffer();
}

/** Ends the waiting of another client. */
function unblockOther(self: usize): void {
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

/** Ends clients: the old form by address, or filters, of which each must fit. */
function kill(self: usize): void {
  const isOld = argumentCount === 3;
  let skipsSelf: bool = !isOld;
  if (!isOld && (argumentCount & 1) === 1) return syntaxError();
  for (let index: u32 = 2; !isOld && index < argumentCount; index += 2) {
    if (argumentIs(index, 'skipme')) skipsSelf = argumentIs(index + 1, 'yes');
    else if (argumentIs(index, 'id')) {
      if (!integerArgument(index + 1)) return;
    } else if (!argumentIs(index, 'addr')) return syntaxError();
  }
  let killed: u32 = 0;
  for (let number: u32 = 0; number < clientsUsed; number++) {
    const client = clientAt(number);
    if (client === 0 || (client === self && skipsSelf) || !isMeant(client, isOld)) continue;
    endClient(client, client !== self);
    killed += 1;
  }
  if (!isOld) replyInteger(killed);
  else if (killed > 0) replyOk();
  else replyError('ERR No such client');
}

function isMeant(client: usize, isOld: bool): bool {
  if (isOld) return isPeer(client, 2);
  for (let index: u32 = 2; index < argumentCount; index += 2) {
    if (argumentIs(index, 'addr') && !isPeer(client, index + 1)) return false;
    if (argumentIs(index, 'id') && integerArgument(index + 1) && <u64>integer !== clientId(client)) return false;
  }
  return true;
}
