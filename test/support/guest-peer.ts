// A guest of the tests' own whose other end is a kernel at 10.77.0.1: its addresses, questions of ARP and pings. For tests alone.

import assert from 'node:assert/strict';
import { headerOf, type NetGuest, wholeHeader } from './net-guest.js';
import { arp, arpAnswer, type Ends, icmpEcho, parse } from './net-packets.js';

/** Addresses of the kernel, and of guests. */
export const address = { peer: '10.77.0.1', guest: '10.77.0.2', second: '10.77.0.3' } as const;
/** A guest's address of Ethernet. */
export const macOf = (guest: number): string => `52:54:00:00:00:0${guest + 1}`;
let connections = 0;

/** Ends of packets of a guest to an address of Ethernet, each with a port of its own. */
export const endsTo = (mac: string, guest = 0): Ends => ({
  fromMac: macOf(guest),
  toMac: mac,
  from: guest === 0 ? address.guest : address.second,
  to: address.peer,
  fromPort: 41_000 + connections++,
  toPort: 7000,
});

/** Asks for the peer's address of Ethernet. */
export async function peerMac(guest: NetGuest, number = 0): Promise<string> {
  const own = number === 0 ? address.guest : address.second;
  await guest.send(headerOf(wholeHeader), arp(macOf(number), own, address.peer));
  for (let count = 0; count < 20; count++) {
    const { packet } = await guest.receive();
    if (packet.readUInt16BE(12) === 0x0806 && packet.readUInt16BE(20) === 2) return parse(packet).fromMac;
  }
  throw new Error('nobody answers ARP');
}

/** Pings the peer, and tells it where the guest is if it asks. */
export async function ping(
  guest: NetGuest,
  ends: Ends,
  payload: Uint8Array,
  cuts: readonly number[] = [12],
): Promise<void> {
  await guest.send(headerOf(wholeHeader), icmpEcho(ends, payload), cuts);
  for (let count = 0; count < 20; count++) {
    const parsed = parse((await guest.receive()).packet);
    if (parsed.type === 0x0806)
      await guest.send(headerOf(wholeHeader), arpAnswer(ends.fromMac, ends.from, ends.toMac, ends.to));
    if (parsed.protocol !== 1) continue;
    assert.ok(parsed.isRight && parsed.isIpRight && parsed.payload.equals(payload), `a ping of ${payload.length}`);
    return;
  }
  throw new Error('no ping came back');
}
