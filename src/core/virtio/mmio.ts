// Devices of virtio over MMIO, version 2 (VIRTIO 1.2 section 4.2): found by the command line, which names each one, and brought up. Not here: queues.

import { DEVICES_PHYSICAL } from '../machine/places';
import { commandLine, numberAt, numberEnd, wordValue } from '../unikernel/boot';
import { readRegister, writeRegister } from '../unikernel/host';

/** Registers. */
const MAGIC: u32 = 0x00;
const VERSION: u32 = 0x04;
const KIND: u32 = 0x08;
const OFFERED: u32 = 0x10;
const OFFERED_WORD: u32 = 0x14;
const TAKEN: u32 = 0x20;
const TAKEN_WORD: u32 = 0x24;
const QUEUE: u32 = 0x30;
const QUEUE_MOST: u32 = 0x34;
const QUEUE_SIZE: u32 = 0x38;
const QUEUE_READY: u32 = 0x44;
const NOTIFY: u32 = 0x50;
const STATUS: u32 = 0x70;
const QUEUE_PLACES: u32 = 0x80;
/** Where the device's own configuration begins. */
export const CONFIGURATION: u32 = 0x100;

const magic: u32 = 0x74726976;
/** Bits of the status. */
const ACKNOWLEDGE: u32 = 1;
const DRIVER: u32 = 2;
const DRIVER_OK: u32 = 4;
const FEATURES_OK: u32 = 8;
const FAILED: u32 = 0x80;

/** Features of every device: bits of all 64. */
export const EVENT_INDEX: u64 = 1 << 29;
const VERSION_1: u64 = 1 << 32;
export const PACKED: u64 = 1 << 34;

/** Where devices may be: what the image maps. */
const lowest: u64 = DEVICES_PHYSICAL;
const highest: u64 = 0xffff_f000;
/** Devices that the command line may name. */
const mostDevices: u32 = 32;

/** The first device of a kind that the command line names (`virtio_mmio.device=SIZE@ADDRESS:IRQ`); 0: there is none. */
export function findDevice(kind: u32): u32 {
  let at = wordValue('virtio_mmio.device=', commandLine());
  for (let looked: u32 = 0; at !== 0 && looked < mostDevices; looked++) {
    numberAt(at);
    if (load<u8>(numberEnd) === 64) {
      const address = numberAt(numberEnd + 1);
      if (address >= lowest && address <= highest && (address & 3) === 0 && isKind(<u32>address, kind))
        return <u32>address;
    }
    at = wordValue('virtio_mmio.device=', numberEnd);
  }
  return 0;
}

/** The kind first: most that are looked at are of another one, and each read stops the machine. */
function isKind(device: u32, kind: u32): bool {
  return (
    readRegister(device + KIND) === kind &&
    readRegister(device + MAGIC) === magic &&
    readRegister(device + VERSION) === 2
  );
}

/** Begins with a device. @param wanted features that are taken where they are offered. Returns those that were agreed on; 0: it cannot be used. */
export function agree(device: u32, wanted: u64): u64 {
  writeRegister(device + STATUS, 0);
  writeRegister(device + STATUS, ACKNOWLEDGE);
  writeRegister(device + STATUS, ACKNOWLEDGE | DRIVER);
  writeRegister(device + OFFERED_WORD, 1);
  const high = <u64>readRegister(device + OFFERED);
  writeRegister(device + OFFERED_WORD, 0);
  const taken = ((high << 32) | <u64>readRegister(device + OFFERED)) & (wanted | VERSION_1);
  if ((taken & VERSION_1) === 0) return giveUp(device);
  writeRegister(device + TAKEN_WORD, 1);
  writeRegister(device + TAKEN, <u32>(taken >> 32));
  writeRegister(device + TAKEN_WORD, 0);
  writeRegister(device + TAKEN, <u32>taken);
  writeRegister(device + STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
  if ((readRegister(device + STATUS) & FEATURES_OK) === 0) return giveUp(device);
  return taken;
}

/** The device is not used. */
export function giveUp(device: u32): u64 {
  writeRegister(device + STATUS, FAILED);
  return 0;
}

/** Chooses a queue, which is not in use since the device was reset. Returns its largest size; 0: there is no such queue. */
export function chooseQueue(device: u32, index: u32): u32 {
  writeRegister(device + QUEUE, index);
  return readRegister(device + QUEUE_MOST);
}

/** Tells the device where the queue is that was chosen last: machine's addresses of descriptors, what the driver writes and what the device writes. */
export function placeQueue(device: u32, size: u32, descriptors: u64, driver: u64, own: u64): void {
  writeRegister(device + QUEUE_SIZE, size);
  putPlace(device, 0, descriptors);
  putPlace(device, 0x10, driver);
  putPlace(device, 0x20, own);
  writeRegister(device + QUEUE_READY, 1);
}

function putPlace(device: u32, at: u32, address: u64): void {
  writeRegister(device + QUEUE_PLACES + at, <u32>address);
  writeRegister(device + QUEUE_PLACES + at + 4, <u32>(address >> 32));
}

/** All queues are there: the device may begin. */
export function beginDevice(device: u32): void {
  writeRegister(device + STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
}

/** Has the device look at a queue. */
export function notify(device: u32, index: u32): void {
  writeRegister(device + NOTIFY, index);
}
