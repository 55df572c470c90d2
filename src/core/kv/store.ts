// The store as its callers see it: whoever has the bytes of clients (kernel sockets, our own TCP, a test) feeds them, sends what comes out, and
// calls `storeTurn` with the time.

import { arenaLeft, beginArena, take } from '../arena';
import { copiedBytes } from '../copy';
import { seedRandom } from '../random';
import { argumentsBegin } from '../resp/arguments';
import { firstPiece, firstPieceLength, listPieces, outputWaits, pieceSent } from '../resp/output';
import { parserBegin } from '../resp/parser';
import { queriesBegin } from '../resp/query';
import { channelsBegin, unlistenAll } from './channels';
import {
  AUTHENTICATED,
  BLOCKED,
  clientAt,
  clientIdle,
  clientsBegin,
  clientsUsed,
  closingState,
  endClient,
  forgetClient,
  hasFlag,
  openClient,
  RESTORING,
  setFlag,
  setText,
  subscriptions,
  TEXT_PEER,
  takeNews,
} from './clients';
import { collect } from './collect';
import { serveTimedOut } from './commands/blocking';
import { leaveMulti } from './commands/multi';
import {
  COMMANDS,
  COMMANDS_A_SECOND,
  COPIED_BYTES,
  DATABASES,
  FEED_CLOSED,
  FEED_STATE,
  IDLE_CLOSED,
  IDLE_SECONDS,
  LFU_DECAY_MINUTES,
  LFU_LOG_FACTOR,
  MAX_ARGUMENTS,
  MAX_BULK,
  MAX_CLIENTS,
  OUTPUT_ADDRESS,
  OUTPUT_PAUSE,
  PUBSUB_HARD,
  PUBSUB_SOFT,
  PUBSUB_SOFT_SECONDS,
  QUERY_LIMIT,
  SAMPLES,
  SEED,
} from './control';
import { executeBegin } from './execute';
import { feed } from './feed';
import { seedHash } from './hash';
import { expireDue, keyspaceBegin, nextExpiry, rehashSome } from './keyspace';
import { tellMemory } from './limit';
import { checkOutput } from './output-limits';
import { clearFigures, control, count, defaultTo, setSetting, setSetting64, setting, setting64 } from './settings';
import { slabsBegin } from './slabs';
import { refreshTime, setTime, upMs, upSeconds, wallMs } from './time';
import { trashBegin } from './trash';
import { endWaiting, nextTimeoutUs } from './waiting';

const EINVAL: i32 = -22;
const ENOMEM: i32 = -12;
const EBADF: i32 = -9;
/** How much of each kind of work a turn does at most, so that commands never wait for long. */
const EXPIRE_SLICE: u32 = 256;
const COLLECT_SLICE: u32 = 512;
const REHASH_SLICE: u32 = 64;
const TIMEOUT_SLICE: u32 = 256;

/** The block of settings and figures; control.ts says what stands where. */
export function storeControl(): usize {
  return control;
}

/**
 * Lays a store out in memory, by the settings in the block (what is 0 gets its default). What was in a store before is gone, and so are its clients.
 * @returns 0, -ENOMEM (-12) where the memory is too small, -EINVAL (-22) where a setting is out of range
 */
export function storeConfigure(from: usize, to: usize): i32 {
  clearFigures();
  defaultTo(DATABASES, 16);
  defaultTo(MAX_CLIENTS, 10_000);
  // As many as Redis had for long, where twelve bytes for each are little.
  defaultTo(MAX_ARGUMENTS, to - from < 256 << 20 ? 65_536 : 1 << 20);
  defaultTo(MAX_BULK, 64 << 20);
  defaultTo(QUERY_LIMIT, 65 << 20);
  defaultTo(OUTPUT_PAUSE, 1 << 20);
  defaultTo(PUBSUB_HARD, 32 << 20);
  defaultTo(PUBSUB_SOFT, 8 << 20);
  defaultTo(PUBSUB_SOFT_SECONDS, 60);
  defaultTo(SAMPLES, 5);
  defaultTo(LFU_LOG_FACTOR, 10);
  defaultTo(LFU_DECAY_MINUTES, 1);
  if (setting(DATABASES) > 64 || setting(MAX_CLIENTS) > 65_535 || setting(MAX_ARGUMENTS) > 1 << 20) return EINVAL;
  if (setting(MAX_BULK) > 512 << 20 || setting(SAMPLES) > 64 || to <= from) return EINVAL;
  beginArena(from, to);
  seedHash(load<u64>(control + SEED), load<u64>(control + SEED + 8));
  seedRandom(control + SEED);
  if (!argumentsBegin(setting(MAX_ARGUMENTS)) || !parserBegin() || !clientsBegin()) return ENOMEM;
  trashBegin();
  channelsBegin();
  queriesBegin();
  secondBegan = 0;
  secondCommands = 0;
  executeBegin();
  // Everything that the arena has left is the slabs'; the databases' own small tables come out of it before.
  const small = take(setting(DATABASES) * 64, 8);
  if (small === 0) return ENOMEM;
  const left = arenaLeft();
  const slabs = take(0, 16);
  if (slabs === 0 || !slabsBegin(slabs, slabs + left)) return ENOMEM;
  beginArena(small, slabs);
  if (!keyspaceBegin()) return ENOMEM;
  refreshTime();
  tellMemory();
  return 0;
}

/** A client that need not say who it is, and restores what was there: of the caller's own. */
export function clientTrust(number: i32): void {
  const client = clientAt(number);
  if (client !== 0) setFlag(client, AUTHENTICATED | RESTORING, true);
}

/** Opens a client. @returns its number, -EAGAIN (-11) where there are too many */
export function clientOpen(): i32 {
  return openClient();
}

/** Says where a client calls from, as a text of up to 64 bytes that is copied: for CLIENT LIST and KILL. */
export function clientPeer(number: i32, text: usize, length: u32): void {
  const client = clientAt(number);
  if (client !== 0) setText(client, TEXT_PEER, text, length < 64 ? length : 64);
}

/** Closes a client; its output is thrown away, and its number is free. */
export function clientClose(number: i32): i32 {
  const client = clientAt(number);
  if (client === 0) return EBADF;
  leaveMulti(client);
  unlistenAll(client);
  endWaiting(client);
  forgetClient(client);
  return 0;
}

/**
 * Parses and runs the commands in bytes that a client sent, which are borrowed: they are not looked at after it returns. Replies are output.
 * @returns how many bytes were taken; all, unless FEED_STATE says that the client is full (then the rest is to be fed after output was sent) or closing
 */
export function clientFeed(number: i32, address: usize, length: u32): u32 {
  const client = clientAt(number);
  if (client === 0) {
    setSetting(FEED_STATE, FEED_CLOSED);
    return 0;
  }
  return feed(client, address, length);
}

/** Bytes of the first piece of a client's output, whose address is OUTPUT_ADDRESS then. It stays where it is until `clientSent`. */
export function clientOutput(number: i32): u32 {
  const client = clientAt(number);
  if (client === 0) return 0;
  setSetting(OUTPUT_ADDRESS, <u32>firstPiece(client));
  return firstPieceLength(client);
}

/** Writes up to `most` pieces of a client's output as pairs of numbers of 32 bits, address and length: for one send of many. @returns how many */
export function clientPieces(number: i32, into: usize, most: u32): u32 {
  const client = clientAt(number);
  return client === 0 ? 0 : listPieces(client, into, most);
}

/** All bytes of output that a client has not been sent. */
export function clientOutputBytes(number: i32): u32 {
  const client = clientAt(number);
  return client === 0 ? 0 : outputWaits(client);
}

/** So many bytes of a client's output have been sent. @returns 0, -EINVAL (-22) where there were not so many */
export function clientSent(number: i32, bytes: u32): i32 {
  const client = clientAt(number);
  if (client === 0) return EBADF;
  return pieceSent(client, bytes) ? 0 : EINVAL;
}

/** FEED_CLOSING or FEED_CLOSED where a client is to be closed, else 0. */
export function clientState(number: i32): u32 {
  const client = clientAt(number);
  return client === 0 ? FEED_CLOSED : closingState(client);
}

/** A client, other than the one that was fed, that got output or is to be closed; -1: there is none. Each is told once until something happens anew. */
export function nextClientEvent(): i32 {
  return takeNews();
}

let secondBegan: u64 = 0;
let secondCommands: u64 = 0;

/** How many commands ran in each second. */
function countSecond(): void {
  const now = upSeconds();
  if (now === secondBegan) return;
  const all = setting64(COMMANDS);
  // After CONFIG RESETSTAT there are fewer than before.
  setSetting64(COMMANDS_A_SECOND, all < secondCommands ? all : (all - secondCommands) / (now - secondBegan));
  secondBegan = now;
  secondCommands = all;
}

let nextSweep: u32 = 0;
let sweepMs: u32 = 0;

/** Looks at some clients: those that have been silent for too long, or do not read. */
function sweep(): void {
  if (upMs - sweepMs < 100) return;
  sweepMs = upMs;
  const idle = setting(IDLE_SECONDS);
  for (let looked: u32 = 0; looked < 1024 && looked < clientsUsed; looked++) {
    nextSweep = nextSweep + 1 < clientsUsed ? nextSweep + 1 : 0;
    const client = clientAt(nextSweep);
    if (client === 0) continue;
    checkOutput(client);
    if (idle === 0 || subscriptions(client) > 0 || hasFlag(client, BLOCKED) || clientIdle(client) <= idle) continue;
    count(IDLE_CLOSED, 1);
    endClient(client, true);
  }
}

/**
 * Takes the time and does some of the work that is due: keys that expire, tables that grow, what was thrown away. To be called before each batch
 * of input, and when it asks to.
 * @param nowUs microseconds of a clock that never goes back; it may wrap, within an hour it must be told
 * @returns microseconds until it wants to be called again, at most 100,000
 */
export function storeTurn(nowUs: u32): u32 {
  setTime(nowUs);
  let more = expireDue(EXPIRE_SLICE) === EXPIRE_SLICE;
  if (collect(COLLECT_SLICE)) more = true;
  if (rehashSome(REHASH_SLICE)) more = true;
  if (serveTimedOut(TIMEOUT_SLICE) === TIMEOUT_SLICE) more = true;
  sweep();
  countSecond();
  tellMemory();
  setSetting64(COPIED_BYTES, copiedBytes);
  if (more) return 0;
  const next = nextExpiry();
  const timeout = nextTimeoutUs();
  const most: u32 = timeout < 100_000 ? <u32>timeout : 100_000;
  const expires: u32 = next <= wallMs ? 1000 : next - wallMs >= 100 ? 100_000 : <u32>(next - wallMs + 1) * 1000;
  return expires < most ? expires : most;
}
