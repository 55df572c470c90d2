// Commands on the connection itself: PING, HELLO, AUTH, SELECT, QUIT, RESET.

import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { integer, readInteger } from '../../resp/numbers';
import { hideOutput } from '../../resp/output';
import {
  beginError,
  endLine,
  isThree,
  replyArray,
  replyBulk,
  replyError,
  replyInteger,
  replyMap,
  replyOk,
  replySimple,
  replyText,
  speak,
  writeQuoted,
  writeText,
} from '../../resp/reply';
import { unlistenAll } from '../channels';
import {
  AUTHENTICATED,
  CLOSING,
  clientId,
  hasFlag,
  NO_EVICT,
  NO_TOUCH,
  REPLY_OFF,
  REPLY_SKIP,
  RESP3,
  setClientDatabase,
  setFlag,
  setText,
  subscriptions,
  TEXT_LIBRARY,
  TEXT_NAME,
  TEXT_VERSION,
} from '../clients';
import { addCommand, FAST, NO_AUTH, NOT_QUEUED, WHILE_SUBSCRIBED } from '../command-table';
import { AUTH_FAILED, PASSWORD, PASSWORD_LENGTH } from '../control';
import { selectDatabase } from '../keyspace';
import { count, setting } from '../settings';
import { noRoom, syntaxError, wrongArity } from './errors';
import { databaseArgument } from './keys';
import { leaveMulti } from './multi';

/** The version of Redis whose commands and words these are. */
export const REDIS_VERSION: string = '7.0.15';

/** Adds the commands. @param family what stands before their numbers. */
export function addConnectionCommands(family: u32): void {
  addCommand('ping', family, -1, FAST | WHILE_SUBSCRIBED, 0, 0, 0);
  addCommand('echo', family + 1, 2, FAST, 0, 0, 0);
  addCommand('select', family + 2, 2, FAST, 0, 0, 0);
  addCommand('hello', family + 3, -1, FAST | NO_AUTH, 0, 0, 0);
  addCommand('auth', family + 4, -2, FAST | NO_AUTH, 0, 0, 0);
  addCommand('quit', family + 5, -1, FAST | NO_AUTH | WHILE_SUBSCRIBED | NOT_QUEUED, 0, 0, 0);
  addCommand('reset', family + 6, 1, FAST | NO_AUTH | WHILE_SUBSCRIBED | NOT_QUEUED, 0, 0, 0);
}

/** Runs one for a client. */
export function runConnection(number: u32, client: usize): void {
  switch (number) {
    case 0:
      return ping(client);
    case 1:
      return replyBulk(argument(1), argumentLength(1));
    case 2:
      return select(client);
    case 3:
      return hello(client);
    case 4:
      return auth(client);
    case 5:
      setFlag(client, CLOSING, true);
      return replyOk();
    default:
      return reset(client);
  }
}

function ping(client: usize): void {
  if (argumentCount > 2) return wrongArity('ping');
  if (!isThree && subscriptions(client) > 0) {
    replyArray(2);
    replyText('pong');
    if (argumentCount === 2) replyBulk(argument(1), argumentLength(1));
    else replyText('');
  } else if (argumentCount === 2) replyBulk(argument(1), argumentLength(1));
  else replySimple('PONG');
}

function select(client: usize): void {
  const number = databaseArgument(1);
  if (number < 0) return;
  setClientDatabase(client, number);
  selectDatabase(number);
  replyOk();
}

/** Compares a password with the one that is set, in a time that does not tell how much of it is right. */
function isPassword(at: usize, length: u32): bool {
  const wanted = setting(PASSWORD_LENGTH);
  const password = <usize>setting(PASSWORD);
  let differs: u32 = wanted ^ length;
  for (let index: u32 = 0; index < length; index++) {
    differs |= <u32>load<u8>(at + index) ^ (wanted === 0 ? 0 : <u32>load<u8>(password + (index % wanted)));
  }
  return differs === 0;
}

function isDefaultUser(index: u32): bool {
  return argumentIs(index, 'default');
}

/** Lets a client in by user and password. Returns false where they are wrong, which has been replied to. */
function letIn(client: usize, user: bool, password: u32): bool {
  if (user && (setting(PASSWORD_LENGTH) === 0 || isPassword(argument(password), argumentLength(password)))) {
    setFlag(client, AUTHENTICATED, true);
    return true;
  }
  count(AUTH_FAILED, 1);
  replyError('WRONGPASS invalid username-password pair or user is disabled.');
  return false;
}

function auth(client: usize): void {
  if (argumentCount > 3) return syntaxError();
  if (argumentCount === 2 && setting(PASSWORD_LENGTH) === 0) {
    return replyError(
      'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
    );
  }
  if (letIn(client, argumentCount === 2 || isDefaultUser(1), argumentCount - 1)) replyOk();
}

/** Whether a name has no blanks or control characters; replies where it has. */
export function isName(index: u32, what: string): bool {
  const at = argument(index);
  for (let place: u32 = 0; place < argumentLength(index); place++) {
    const byte = load<u8>(at + place);
    if (byte >= 0x21 && byte <= 0x7e) continue;
    beginError('ERR ');
    writeText(what);
    writeText(' cannot contain spaces, newlines or special characters.');
    endLine();
    return false;
  }
  return true;
}

function hello(client: usize): void {
  let protocol: i64 = isThree ? 3 : 2;
  let name: u32 = 0;
  if (argumentCount > 1) {
    if (!readInteger(argument(1), argumentLength(1))) {
      return replyError('ERR Protocol version is not an integer or out of range');
    }
    protocol = integer;
    if (protocol < 2 || protocol > 3) return replyError('NOPROTO unsupported protocol version');
  }
  for (let index: u32 = 2; index < argumentCount; index++) {
    if (argumentIs(index, 'auth') && index + 2 < argumentCount) {
      if (!letIn(client, isDefaultUser(index + 1), index + 2)) return;
      index += 2;
    } else if (argumentIs(index, 'setname') && index + 1 < argumentCount) {
      if (!isName(index + 1, 'Client names')) return;
      index += 1;
      name = index;
    } else {
      beginError("ERR Syntax error in HELLO option '");
      writeQuoted(argument(index), argumentLength(index));
      writeText("'");
      return endLine();
    }
  }
  if (!hasFlag(client, AUTHENTICATED)) {
    return replyError(
      'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
    );
  }
  if (name !== 0 && !setText(client, TEXT_NAME, argument(name), argumentLength(name))) return noRoom();
  setFlag(client, RESP3, protocol === 3);
  speak(protocol === 3);
  sayHello(client, protocol);
}

function sayHello(client: usize, protocol: i64): void {
  replyMap(7);
  replyText('server');
  replyText('redis');
  replyText('version');
  replyText(REDIS_VERSION);
  replyText('proto');
  replyInteger(protocol);
  replyText('id');
  replyInteger(<i64>clientId(client));
  replyText('mode');
  replyText('standalone');
  replyText('role');
  replyText('master');
  replyText('modules');
  replyArray(0);
}

function reset(client: usize): void {
  leaveMulti(client);
  unlistenAll(client);
  setFlag(client, RESP3 | REPLY_OFF | REPLY_SKIP | NO_EVICT | NO_TOUCH, false);
  hideOutput(false);
  setFlag(client, AUTHENTICATED, setting(PASSWORD_LENGTH) === 0);
  setText(client, TEXT_NAME, 0, 0);
  setText(client, TEXT_LIBRARY, 0, 0);
  setText(client, TEXT_VERSION, 0, 0);
  setClientDatabase(client, 0);
  selectDatabase(0);
  speak(false);
  replySimple('RESET');
}
