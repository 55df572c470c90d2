// The key-value store as a guest: it is its own operating system. Where the monitor gives it a network card and an address, clients come by TCP, whose stack is here
// as well; else as streams of virtio-vsock, which end the clients' TCP outside.

import { beginArena, heapBase, take, trustZeros } from '../arena';
import {
  IDLE_SECONDS,
  MAX_CLIENTS,
  MAX_MEMORY,
  PASSWORD,
  PASSWORD_LENGTH,
  POLICY,
  SEED,
  TELL_PORT,
  TELL_PROCESS,
  WALL_OFFSET,
} from '../kv/control';
import { ASK_SAVE, noteSaved, takeAsked } from '../kv/requests';
import { setSetting, setSetting64 } from '../kv/settings';
import { storeConfigure, storeControl, storeTurn } from '../kv/store';
import { configure, listen, nextDeadlineUs, turn as stackTurn } from '../kv-stack/stack';
import {
  bootBlock,
  commandLine,
  isMemoryFresh,
  linearBytes,
  numberAt,
  seedAt,
  wallAtStart,
  wordValue,
} from '../unikernel/boot';
import { endGuest } from '../unikernel/host';
import { beginNetwork, tellNetwork } from '../unikernel/network';
import { areStreamsBroken, awakeStreams, openStreams, turnStreams } from '../unikernel/store-streams';
import { figure, sayLine, word } from '../unikernel/words';
import { awakeNet, findNet, isNetBroken, openNet, turnNet } from '../virtio/net';

export { bootBlock };

/** How a guest ends that cannot do its work. */
const FAILED: u32 = 2;

/** Of the stack's answer: there is more to do; clients asked for something. */
const MORE: u32 = 2;
const ASKED: u32 = 8;

const anyAddress = memory.data(16);
let hasCard: bool = false;
/** Microseconds until the store wants to be called again, and since when. */
let storeWaitUs: u32 = 0;
let storeTurnUs: u32 = 0;

/** The number behind a word of the command line. */
function told(what: string, otherwise: u64): u64 {
  const at = wordValue(what, commandLine());
  return at === 0 ? otherwise : numberAt(at);
}

/** The password stays where it is in the command line, up to the next space. */
function tellPassword(): void {
  const at = wordValue('password=', commandLine());
  if (at === 0) return;
  let length: u32 = 0;
  while (load<u8>(at + length) > 32) length++;
  setSetting(PASSWORD, <u32>at);
  setSetting(PASSWORD_LENGTH, length);
}

function failed(why: string): u32 {
  word('kv: ');
  word(why);
  sayLine();
  return FAILED;
}

/** The settings of the store. */
function tellStore(nowUs: u32, clients: u32): void {
  const control = storeControl();
  setSetting64(MAX_MEMORY, told('maxmemory=', 0));
  setSetting(POLICY, <u32>told('policy=', 0));
  setSetting(MAX_CLIENTS, clients);
  setSetting(IDLE_SECONDS, <u32>told('timeout=', 0));
  setSetting(TELL_PORT, <u32>told('port=', 6379));
  setSetting(TELL_PROCESS, 1);
  setSetting64(WALL_OFFSET, wallAtStart() - <u64>nowUs);
  tellPassword();
  store<u64>(control + SEED, load<u64>(seedAt()));
  store<u64>(control + SEED + 8, load<u64>(seedAt() + 8));
}

/** The stack and the store, on a card. Returns 0, or how the guest ends. */
function beginOnCard(nowUs: u32): u32 {
  const clients = <u32>told('maxclients=', 1000);
  // Sockets beside those of clients say goodbye, and listen.
  if (tellNetwork(2048, clients + 256) !== 0) return failed('there is no address for the card: ip=ADDRESS/LENGTH');
  if (!openNet()) return failed('the card cannot be used');
  tellStore(nowUs, clients);
  if (configure(take(0, 4096), linearBytes() - 8) < 0) return failed('there is too little memory for the store');
  if (beginNetwork() < 0 || listen(anyAddress, <u32>told('port=', 6379), 1024) < 0)
    return failed('the card cannot be used');
  hasCard = true;
  return 0;
}

/** The store, on streams. Returns 0, or how the guest ends. */
function beginOnStreams(nowUs: u32): u32 {
  const clients = <u32>told('maxclients=', 10_000);
  if (!openStreams(6379, clients)) return failed('there is no device to hear clients by');
  tellStore(nowUs, clients);
  const from = take(0, 64);
  if (from === 0 || storeConfigure(from, linearBytes()) < 0) return failed('there is too little memory for the store');
  storeTurn(nowUs);
  return 0;
}

/** Begins: devices, then the store in all of the memory that is left. Returns 0, or how the guest ends. */
export function begin(nowUs: u32): u32 {
  beginArena(heapBase(), linearBytes());
  if (isMemoryFresh()) trustZeros();
  const status = findNet() ? beginOnCard(nowUs) : beginOnStreams(nowUs);
  if (status !== 0) return status;
  // A short one: each letter is a stop, a hundredth of what a guest needs to begin.
  word(hasCard ? 'kv: TCP port ' : 'kv: port ');
  figure(hasCard ? <u32>told('port=', 6379) : 6379);
  sayLine();
  return 0;
}

/** One turn on a card. */
function turnOnCard(nowUs: u32): bool {
  let did = turnNet();
  const answer = stackTurn(nowUs);
  // What is asked for is done outside of the store: there is no place for a snapshot; the end is that of the guest.
  if ((answer & ASKED) !== 0) {
    const asked = takeAsked();
    if ((asked & ~ASK_SAVE) !== 0) endGuest(0);
    noteSaved(false, 0);
  }
  if (turnNet()) did = true;
  if (isNetBroken()) endGuest(failed('a device does what no device may'));
  return did || (answer & MORE) !== 0;
}

/** One turn. Returns 1 where anything happened. */
export function turn(nowUs: u32): u32 {
  if (hasCard) return turnOnCard(nowUs) ? 1 : 0;
  storeWaitUs = storeTurn(nowUs);
  storeTurnUs = nowUs;
  const did = turnStreams();
  if (areStreamsBroken()) endGuest(failed('a device does what no device may'));
  return did || storeWaitUs === 0 ? 1 : 0;
}

/** Asks to be told of what comes. Returns microseconds to rest; 0: there is something. */
export function rest(nowUs: u32): u32 {
  if (hasCard) return awakeNet() ? 0 : nextDeadlineUs();
  if (awakeStreams()) return 0;
  const passed = nowUs - storeTurnUs;
  return storeWaitUs > passed ? storeWaitUs - passed : 0;
}
