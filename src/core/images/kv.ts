// The key-value store as a guest: it is its own operating system. Clients come as streams of virtio-vsock from the monitor.

import { beginArena, heapBase, take } from '../arena';
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
import { setSetting, setSetting64 } from '../kv/settings';
import { storeConfigure, storeControl, storeTurn } from '../kv/store';
import { bootBlock, commandLine, linearBytes, numberAt, seedAt, wallAtStart, wordValue } from '../unikernel/boot';
import { endGuest } from '../unikernel/host';
import { areStreamsBroken, awakeStreams, openStreams, turnStreams } from '../unikernel/store-streams';
import { figure, sayLine, word } from '../unikernel/words';

export { bootBlock };

/** How a guest ends that cannot do its work. */
const FAILED: u32 = 2;

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

/** Begins: devices, then the store in all of the memory that is left. Returns 0, or how the guest ends. */
export function begin(nowUs: u32): u32 {
  const clients = <u32>told('maxclients=', 10_000);
  beginArena(heapBase(), linearBytes());
  if (!openStreams(6379, clients)) return failed('there is no device to hear clients by');
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
  const from = take(0, 64);
  if (from === 0 || storeConfigure(from, linearBytes()) < 0) return failed('there is too little memory for the store');
  storeTurn(nowUs);
  word('kv: serves after ');
  figure(nowUs);
  word(' us');
  sayLine();
  return 0;
}

/** One turn. Returns 1 where anything happened. */
export function turn(nowUs: u32): u32 {
  storeWaitUs = storeTurn(nowUs);
  storeTurnUs = nowUs;
  const did = turnStreams();
  if (areStreamsBroken()) endGuest(failed('a device does what no device may'));
  return did || storeWaitUs === 0 ? 1 : 0;
}

/** Asks to be told of what comes. Returns microseconds to rest; 0: there is something. */
export function rest(nowUs: u32): u32 {
  if (awakeStreams()) return 0;
  const passed = nowUs - storeTurnUs;
  return storeWaitUs > passed ? storeWaitUs - passed : 0;
}
