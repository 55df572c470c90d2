// Ethernet outward: the header in front of a packet, and the tx ring behind it.

import { putBe16 } from './bytes';
import { Figure, Setting } from './control';
import { count, settingAt } from './figures';
import { dropUnsent, frameOf } from './frames';
import { canTransmit, transmit } from './rings';

export const ethernetBytes: u32 = 14;
/** Types of what an Ethernet frame carries. */
export const typeIpv4: u32 = 0x0800;
export const typeArp: u32 = 0x0806;
export const typeIpv6: u32 = 0x86dd;

/** Our address on the link, as it lies in a packet: the first 4 bytes and the last 2. */
export let ourMacHigh: u32 = 0;
export let ourMacLow: u16 = 0;
/** Its 6 bytes as the upper ones of a number, shifted so far that one bit is left above them: where a packet has the sender's bit of groups. */
export let ourMacAbove: u64 = 0;

/** Takes our address from the settings. Returns whether it is one of a single card. */
export function configureLink(): bool {
  const mac = settingAt(Setting.mac);
  ourMacHigh = load<u32>(mac);
  ourMacLow = load<u16>(mac, 4);
  ourMacAbove = (<u64>ourMacHigh | ((<u64>ourMacLow) << 32)) << 15;
  return (ourMacHigh !== 0 || ourMacLow !== 0) && (ourMacHigh & 1) === 0;
}

/** Writes our link address. */
export function putOurMac(into: usize): void {
  store<u32>(into, ourMacHigh);
  store<u16>(into, ourMacLow, 4);
}

/**
 * Sends a packet of the stack's, in front of which there are 14 bytes of room, to a link address. Returns 0, or -EAGAIN when the ring is full:
 * the frame is free then, or with the stack if it is held.
 */
export function sendEthernet(packet: usize, length: u32, mac: usize, type: u32): i32 {
  if (!canTransmit()) {
    count(Figure.txFull);
    dropUnsent(frameOf(packet));
    return -11;
  }
  putEthernet(packet, length, mac, type);
  return 0;
}

/** The same where there is room in the ring. */
export function putEthernet(packet: usize, length: u32, mac: usize, type: u32): void {
  const header = packet - ethernetBytes;
  store<u32>(header, load<u32>(mac));
  store<u16>(header, load<u16>(mac, 4), 4);
  putOurMac(header + 6);
  putBe16(header + 12, type);
  transmit(header, length + ethernetBytes);
}
