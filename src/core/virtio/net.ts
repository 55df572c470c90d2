// A network card (virtio-net, VIRTIO 1.2 section 5.1) as the other side of the stack's four rings: frames of the fill ring are lent to the device to receive into, packets of
// the tx ring are sent from where they lie, and what comes back goes into the rx and completion rings. No byte is copied; places travel. Not here: the stack.

import { take } from '../arena';
import { Place, Setting } from '../control';
import { control, setting } from '../figures';
import { controlBlock } from '../stack';
import { readRegister } from '../unikernel/host';
import { agree, beginDevice, CONFIGURATION, EVENT_INDEX, findDevice, giveUp, PACKED } from './mmio';
import {
  addPiece,
  awake,
  DEVICE_WRITES,
  endChain,
  isBroken,
  openQueue,
  quiet,
  roomIn,
  show,
  takeBack,
  takenBytes,
} from './queue';

const KIND: u32 = 1;
/** The device says which address it has. */
const MAC: u64 = 1 << 5;
/** struct virtio_net_hdr before each packet. */
const headerBytes: u32 = 12;
/** Room before it, so that an answer in the same frame has room for its headers; what follows the link's header is at a multiple of 4 then. */
const headroom: u32 = 114;
const entries: u32 = 256;
const none: u32 = 0xffffffff;

let device: u32 = 0;
let features: u64 = 0;
let received: usize = 0;
let sent: usize = 0;
let umem: usize = 0;
let header: usize = 0;
/** Packets that were given to the stack, and taken from it, since the last question: whether anything happens. */
let moved: bool = false;

/** One of the stack's rings, from its other side: the index that is ours, and where the words are. */
@unmanaged
class Far {
  producer: usize;
  consumer: usize;
  descriptors: usize;
  entries: u32;
  own: u32;
}

const fill = changetype<Far>(memory.data(24, 8));
const completion = changetype<Far>(memory.data(24, 8));
const rx = changetype<Far>(memory.data(24, 8));
const tx = changetype<Far>(memory.data(24, 8));

/** Finds the card and agrees with it, before the stack is laid out: its address goes into the settings. Returns whether there is one. */
export function findNet(): bool {
  // Its defaults are written by the first call.
  controlBlock();
  device = findDevice(KIND);
  if (device === 0) return false;
  features = agree(device, EVENT_INDEX | PACKED | MAC);
  if (features === 0) return false;
  const mac = control + <usize>Setting.mac;
  if ((features & MAC) !== 0) {
    store<u32>(mac, readRegister(device + CONFIGURATION));
    store<u16>(mac, <u16>readRegister(device + CONFIGURATION + 4), 4);
  } else {
    store<u32>(mac, 0x12005452);
    store<u16>(mac, 0x5634, 4);
  }
  return true;
}

/** Room for the queues, to be taken before the stack takes the rest. Returns whether there was some. */
export function openNet(): bool {
  received = openQueue(device, 0, entries, features);
  sent = openQueue(device, 1, entries * 2, features);
  header = take(16, 16);
  if (received !== 0 && sent !== 0 && header !== 0) return true;
  giveUp(device);
  return false;
}

/** Says where the rings' words are, in the rooms that the stack has left for them, and begins. Then the stack attaches its rings. */
export function joinNet(): void {
  umem = load<u32>(control + <usize>Place.umem);
  join(fill, 0, setting(Setting.fillEntries));
  join(completion, 1, setting(Setting.completionEntries));
  join(rx, 2, setting(Setting.rxEntries));
  join(tx, 3, setting(Setting.txEntries));
  beginDevice(device);
}

function join(ring: Far, which: u32, size: u32): void {
  const room = <usize>load<u32>(control + <usize>Place.ringRooms + which * 8);
  ring.producer = room;
  ring.consumer = room + 64;
  ring.descriptors = room + 256;
  ring.entries = size;
  ring.own = 0;
  const places = control + <usize>Place.rings + which * 16;
  store<u32>(places, <u32>ring.producer);
  store<u32>(places, <u32>ring.consumer, 4);
  store<u32>(places, <u32>(room + 128), 8);
  store<u32>(places, <u32>ring.descriptors, 12);
  memory.fill(room, 0, 256);
}

/** Moves what there is, both ways. Returns whether there was anything. */
export function turnNet(): bool {
  moved = false;
  quiet(received);
  takeSent();
  takeReceived();
  lendFrames();
  sendPackets();
  show(sent);
  show(received);
  return moved;
}

function takeSent(): void {
  for (let place = takeBack(sent); place !== none; place = takeBack(sent)) {
    store<u64>(completion.descriptors + ((completion.own & (completion.entries - 1)) << 3), <u64>place);
    completion.own++;
    moved = true;
  }
  store<u32>(completion.producer, completion.own);
}

function takeReceived(): void {
  for (let place = takeBack(received); place !== none; place = takeBack(received)) {
    const descriptor = rx.descriptors + ((rx.own & (rx.entries - 1)) << 4);
    store<u64>(descriptor, <u64>(place + headerBytes));
    store<u64>(descriptor, takenBytes > headerBytes ? <u64>(takenBytes - headerBytes) : 0, 8);
    rx.own++;
    moved = true;
  }
  store<u32>(rx.producer, rx.own);
}

/** Frames that are free become the device's to receive into: no more than the rx ring has room for. */
function lendFrames(): void {
  const made = load<u32>(fill.producer);
  const frameBytes = setting(Setting.frameSize);
  while (fill.own !== made && roomIn(received) > 0) {
    const place = <u32>load<u64>(fill.descriptors + ((fill.own & (fill.entries - 1)) << 3));
    addPiece(received, umem + place + headroom, frameBytes - headroom, DEVICE_WRITES);
    endChain(received, place + headroom);
    fill.own++;
  }
  store<u32>(fill.consumer, fill.own);
}

function sendPackets(): void {
  const made = load<u32>(tx.producer);
  while (tx.own !== made && roomIn(sent) > 1) {
    const descriptor = tx.descriptors + ((tx.own & (tx.entries - 1)) << 4);
    const place = <u32>load<u64>(descriptor);
    // One header for all: nothing is left for the card to finish.
    addPiece(sent, header, headerBytes, 0);
    addPiece(sent, umem + place, load<u32>(descriptor, 8), 0);
    endChain(sent, place);
    tx.own++;
    moved = true;
  }
  store<u32>(tx.consumer, tx.own);
}

/** Asks to be told of packets that arrive, and where packets wait to be sent of those that have left. True: something is there already. */
export function awakeNet(): bool {
  const more = awake(received);
  return (tx.own !== load<u32>(tx.producer) && awake(sent)) || more;
}

/** Whether the device does what cannot be. */
export function isNetBroken(): bool {
  return isBroken(received) || isBroken(sent);
}
