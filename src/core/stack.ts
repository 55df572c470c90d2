// The stack as a whole: laid out once, then one turn after another.

import { configureAddresses, isNone, ourIpv6 } from './addresses';
import { beginArena, heapBase, take } from './arena';
import { nowUs, setClock } from './clock';
import { Figure, Place, Setting } from './control';
import { ethernetInput } from './ethernet';
import { configureEvents, haveEvents } from './events';
import { expectedInput, guessOf } from './expected';
import { control, count, countMany, putPlace, refuse, resetControl, setting, settingAt } from './figures';
import { arrivalBytes, configureFrames } from './frames';
import { groupDeadline, groupTimers, joinGroups } from './groups';
import { configureHeard } from './heard';
import { configurePaths, forgetPath, pathDeadline } from './ip/paths';
import { configureReassembly, reassemblyDeadline, reassemblyTimers } from './ip/reassembly';
import { configureLink } from './link';
import { configureNeighbours, neighbourDeadline, neighbourTimers } from './neighbour';
import { seedRandom } from './random';
import {
  attachRings as attach,
  nextReceived,
  publishReceived,
  publishSent,
  receivedWaiting,
  refill,
  takeCompletions,
} from './rings';
import { announce } from './solicit';
import { wayExpected, wayLong } from './tcp/expected';
import { configureTcp, tcpNextDeadline, tcpPathChanged, tcpTimers } from './tcp/input';
import { showRows, takeBackRowsTaken } from './tcp/rows';
import { refusedOfTcp } from './tcp/settings';
import { configureUdp } from './udp';

/** What `turn` answers: packets wait to be sent and the kernel must be woken; more were received than a turn takes; events wait. */
const kick: u32 = 1;
const more: u32 = 2;
const events: u32 = 4;

const pageBytes: u32 = 4096;
const enomem: i32 = -12;

/** Packets of which it is guessed whose they are before the first of them is worked on: where each is, how long, and the guess. */
const groupPackets: u32 = 16;
const group = memory.data(<i32>(groupPackets * <u32>arrivalBytes), 64);

let isReset: bool = false;
let isAttached: bool = false;

/** The structure by which settings are given and figures are read (control.ts); at the first call, its defaults are written. */
export function controlBlock(): usize {
  if (!isReset) resetControl();
  isReset = true;
  return control;
}

/**
 * Lays everything out between two addresses (0 and 0: all of the memory behind static data), by the settings. Returns 0; -EINVAL, and which setting was
 * refused stands in the control block; -ENOMEM.
 */
export function configure(from: usize, to: usize): i32 {
  isAttached = false;
  const checked = checkSettings();
  if (checked !== 0) return checked;
  const end = to === 0 ? <usize>(((<u64>memory.size()) << 16) - 8) : to;
  if ((from !== 0 && from < heapBase()) || end > <usize>(((<u64>memory.size()) << 16) - 8)) return -22;
  beginArena(from === 0 ? heapBase() : from, end);
  seedRandom(settingAt(Setting.seed));
  configureHeard();
  if (!layOutRings()) return enomem;
  const umemBytes = setting(Setting.frameCount) * setting(Setting.frameSize);
  // A page on either side that nobody uses: it can be taken out of reach.
  if (take(pageBytes, pageBytes) === 0) return enomem;
  const umem = take(umemBytes, pageBytes);
  if (umem === 0 || take(pageBytes, pageBytes) === 0) return enomem;
  putPlace(Place.umem, <u32>umem);
  putPlace(Place.umemBytes, umemBytes);
  if (
    !configureFrames(umem) ||
    !configureNeighbours() ||
    !configurePaths() ||
    !configureReassembly() ||
    !configureUdp() ||
    !configureTcp()
  )
    return enomem;
  return configureEvents(setting(Setting.connections) + setting(Setting.udpSockets)) ? 0 : enomem;
}

/** Takes over the rings, whose places were written into the control block, gives the kernel frames to receive into, and says who we are. */
export function attachRings(): i32 {
  const attached = attach();
  if (attached !== 0) return attached;
  isAttached = true;
  refill();
  announce();
  joinGroups();
  publishSent();
  return 0;
}

/** One batch on all rings, and timers that are due. */
export function turn(us: u32): u32 {
  setClock(us);
  if (!isAttached) return 0;
  count(Figure.turns);
  takeBackRowsTaken();
  takeCompletions();
  refill();
  const waiting = receivedWaiting();
  const batch = setting(Setting.batch);
  const many = min<u32>(waiting, batch);
  if (many > 0) {
    takeReceived(many);
    publishReceived();
    refill();
  }
  neighbourTimers();
  groupTimers();
  for (let path = forgetPath(); path !== 0; path = forgetPath()) tcpPathChanged(path, setting(Setting.mtu));
  reassemblyTimers();
  tcpTimers();
  const isTold = showRows() || haveEvents();
  return (publishSent() ? kick : 0) | (waiting > many ? more : 0) | (isTold ? events : 0);
}

/**
 * Takes in so many packets, a group after another. Of a whole group it is looked at who each is of, before the first is worked on: so what they are about comes out of
 * memory for all of them at once. What nearly all of them add to is counted once for all.
 */
function takeReceived(many: u32): void {
  let written: u32 = 0;
  let unexpected: u32 = 0;
  for (let left = many; left > 0; ) {
    const some = min<u32>(left, groupPackets);
    left -= some;
    const end = nextReceived(some, group);
    written += <u32>(end - group);
    lookAhead(end);
    for (let at = group; at < end; at += arrivalBytes) {
      const way = expectedInput(load<usize>(at), load<u32>(at, 4), load<usize>(at, 8));
      if (way === wayExpected) continue;
      unexpected++;
      if (way === wayLong) ethernetInput(load<usize>(at), load<u32>(at, 4));
    }
  }
  const packets = written / <u32>arrivalBytes;
  countMany(Figure.receivedPackets, packets);
  countMany(Figure.tcpSegmentsReceived, packets - unexpected);
  countMany(Figure.tcpExpected, packets - unexpected);
}

/** Guesses of each packet of the group of whom it is. */
function lookAhead(end: usize): void {
  let bytes: u32 = 0;
  for (let at = group; at < end; at += arrivalBytes) {
    const length = load<u32>(at, 4);
    bytes += length;
    store<usize>(at, guessOf(load<usize>(at), length), 8);
  }
  countMany(Figure.receivedBytes, bytes);
}

/** Microseconds until a timer is due; 0xffffffff: none is. */
export function nextDeadlineUs(): u32 {
  const due = min<u64>(
    min<u64>(min<u64>(neighbourDeadline(), groupDeadline()), pathDeadline()),
    min<u64>(reassemblyDeadline(), tcpNextDeadline()),
  );
  if (due <= nowUs) return 0;
  const left = due - nowUs;
  return left < 0xfffffffe ? <u32>left : due === 0xffffffffffffffff ? 0xffffffff : 0xfffffffe;
}

function checkSettings(): i32 {
  const frameSize = setting(Setting.frameSize);
  if (frameSize !== 2048 && frameSize !== 4096) return refuse(<i32>Setting.frameSize);
  const frameCount = setting(Setting.frameCount);
  if (frameCount < 64 || frameCount > 0x4_0000) return refuse(<i32>Setting.frameCount);
  // In copy mode the kernel leaves 256 bytes free in front of what it received.
  if (setting(Setting.mtu) < 576 || setting(Setting.mtu) > frameSize - 320) return refuse(<i32>Setting.mtu);
  for (let which: i32 = <i32>Setting.fillEntries; which <= <i32>Setting.txEntries; which += 4) {
    if (!isPowerBetween(setting(<Setting>which), 8, 0x10000)) return refuse(which);
  }
  if (!isPowerBetween(setting(Setting.neighbours), 8, 0x10000)) return refuse(<i32>Setting.neighbours);
  if (!isPowerBetween(setting(Setting.paths), 8, 0x10000)) return refuse(<i32>Setting.paths);
  if (setting(Setting.reassemblies) - 1 > 255) return refuse(<i32>Setting.reassemblies);
  if (setting(Setting.trustPartial) > 1) return refuse(<i32>Setting.trustPartial);
  if (setting(Setting.batch) - 1 > 0xffff) return refuse(<i32>Setting.batch);
  if (setting(Setting.receiveReserve) >= frameCount) return refuse(<i32>Setting.receiveReserve);
  if (setting(Setting.connections) - 1 > 0xf_ffff) return refuse(<i32>Setting.connections);
  if (setting(Setting.udpSockets) > 0xffff) return refuse(<i32>Setting.udpSockets);
  const refused = refusedOfTcp();
  if (refused !== 0) return refuse(refused);
  if (!configureLink()) return refuse(<i32>Setting.mac);
  const addresses = configureAddresses();
  if (addresses !== 0) return addresses;
  // Every link of IPv6 carries as much (RFC 8200, section 5).
  const hasIpv6 = !isNone(ourIpv6(0)) || !isNone(ourIpv6(1));
  return hasIpv6 && setting(Setting.mtu) < 1280 ? refuse(<i32>Setting.mtu) : 0;
}

function isPowerBetween(value: u32, least: u32, most: u32): bool {
  return value >= least && value <= most && (value & (value - 1)) === 0;
}

/** Room for the rings as the kernel lays them out: entries behind a head of at most a page. */
function layOutRings(): bool {
  for (let which: u32 = 0; which < 4; which++) {
    const entries = setting(<Setting>(<i32>Setting.fillEntries + <i32>which * 4));
    const bytes = ((entries * (which < 2 ? 8 : 16) + pageBytes - 1) & ~(pageBytes - 1)) + pageBytes;
    const at = take(bytes, pageBytes);
    if (at === 0) return false;
    store<u32>(control + <usize>Place.ringRooms + which * 8, <u32>at);
    store<u32>(control + <usize>Place.ringRooms + which * 8, bytes, 4);
  }
  return true;
}
