// What the lower half of the stack offers to TCP: frames that are held for retransmission, and events.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ARP, arp, ethernet, IPV4, icmp, internetChecksum, ipv4, pattern, pseudoHeader } from './packets.js';
import { Host, type StackExports } from './stack-host.js';

interface Seams extends StackExports {
  frameForSegment(): number;
  framesFree(): number;
  holdFrame(frame: number): void;
  unholdFrame(frame: number): void;
  releaseFrame(frame: number): void;
  lendFrame(frame: number): number;
  reclaimFrame(address: number): number;
  sourceFor(remote: number): number;
  pathMtu(remote: number): number;
  ipOutput(
    frame: number,
    segment: number,
    length: number,
    protocol: number,
    local: number,
    remote: number,
    checksumAt: number,
  ): number;
  readonly segmentRoom: WebAssembly.Global;
  postEvent(socket: number, what: number): void;
  forgetEvents(socket: number): void;
}

const OUR_MAC = '02:00:00:00:00:01';
const PEER_MAC = '02:00:00:00:00:02';
const OUR = '10.0.0.1';
const PEER = '10.0.0.2';
const QUIET = { free: 2048, fill: 2048, stack: 0, application: 0, transmit: 0, waiting: 0 };
const BUSY = -16;
const AGAIN = -11;

function newHost(settings = {}): Host<Seams> {
  const host = new Host<Seams>({ module: 'stack-seams', settings });
  host.core.turn(0);
  host.takeSent();
  host.core.turn(0);
  return host;
}

function introduce(host: Host<Seams>): void {
  host.deliver(ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(PEER, OUR, { protocol: 1 }, icmp(8, 0, 1, pattern(8)))));
  host.core.turn(0);
  host.deliver(ethernet(OUR_MAC, PEER_MAC, ARP, arp(2, PEER_MAC, PEER, OUR_MAC, OUR)));
  host.core.turn(0);
  host.takeSent();
  host.core.turn(0);
}

/** A segment of 20 bytes of header and some payload, in a held frame. */
function heldSegment(host: Host<Seams>): number {
  const frame = host.core.frameForSegment();
  assert.notEqual(frame, 0);
  host.core.holdFrame(frame);
  host.bytes.set(pattern(120), frame + 128);
  return frame;
}

function output(host: Host<Seams>, frame: number): number {
  const remote = host.addressAt(PEER);
  return host.core.ipOutput(frame, frame + 128, 120, 6, host.core.sourceFor(remote), remote, 16);
}

test("a held frame is the stack's again when it was sent, and can be sent again; then it is free", () => {
  const host = newHost();
  introduce(host);
  const frame = heldSegment(host);
  host.holdsCompletions = true;
  assert.equal(output(host, frame), 0);
  assert.equal(output(host, frame), BUSY);
  host.core.turn(0);
  const [first] = host.takeSent();
  assert.equal(internetChecksum(pseudoHeader(OUR, PEER, 6, 120), first!.subarray(34)), 0);
  assert.equal(output(host, frame), BUSY, 'sent, and not yet said to be');
  host.complete();
  host.core.turn(0);
  assert.equal(host.owners().stack, 1);
  assert.equal(output(host, frame), 0);
  host.core.turn(0);
  assert.deepEqual(host.takeSent(), [first]);
  // No more needed while the kernel has it: free when it comes back.
  host.core.unholdFrame(frame);
  assert.equal(host.owners().transmit, 1);
  host.complete();
  host.core.turn(0);
  assert.deepEqual(host.owners(), QUIET);
  const other = heldSegment(host);
  host.core.unholdFrame(other);
  assert.deepEqual(host.owners(), QUIET);
  assert.equal(host.figure('faultStack'), 0);
});

test('a held frame whose neighbour is not found comes back, one that is no more needed is freed', () => {
  const host = newHost();
  const [kept, given] = [heldSegment(host), heldSegment(host)];
  for (const frame of [kept, given]) assert.equal(output(host, frame!), 0);
  assert.equal(output(host, kept), BUSY);
  assert.equal(host.owners().waiting, 2);
  host.core.unholdFrame(given);
  for (let us = 0; us <= 4_000_000; us += 1_000_000) {
    host.core.turn(us);
    host.takeSent();
  }
  host.core.turn(4_000_000);
  assert.deepEqual(host.owners(), { ...QUIET, free: 2047, stack: 1 });
  host.core.unholdFrame(kept);
  assert.deepEqual(host.owners(), QUIET);
});

test('a full ring gives a held frame back at once, and frees another', () => {
  const host = newHost({ txEntries: 8 });
  introduce(host);
  for (let index = 0; index < 8; index++) assert.equal(output(host, host.core.frameForSegment()), 0);
  const frame = heldSegment(host);
  assert.equal(output(host, frame), AGAIN);
  assert.equal(output(host, host.core.frameForSegment()), AGAIN);
  assert.equal(host.owners().stack, 1);
  assert.equal(host.figure('txFull'), 2);
  host.core.turn(0);
  assert.equal(host.takeSent().length, 8);
  host.core.turn(0);
  assert.equal(output(host, frame), 0);
});

test('sending leaves frames to receive into', () => {
  const host = newHost();
  let taken = 0;
  for (; host.core.frameForSegment() !== 0; taken++);
  assert.equal(taken, 2048 - 512);
  assert.equal(host.core.framesFree(), 512);
  introduce(host);
});

test('what the stack moves without owning it is a counted fault', () => {
  const host = newHost();
  const frame = host.core.frameForSegment();
  assert.equal(host.core.lendFrame(frame), 1);
  assert.equal(host.core.lendFrame(frame), 0);
  host.core.releaseFrame(frame);
  host.core.releaseFrame(0x1_0000);
  host.core.unholdFrame(frame);
  assert.equal(output(host, frame), -22);
  assert.equal(host.core.reclaimFrame(frame + 77), 0);
  assert.equal(host.core.reclaimFrame(frame), -22);
  const remote = host.addressAt(PEER);
  const room = host.core.segmentRoom.value as number;
  assert.equal(host.core.ipOutput(frame, frame + room - 1, 20, 6, remote, remote, 16), -22);
  assert.equal(host.core.ipOutput(frame, frame + 2000, 49, 6, remote, remote, 16), -22);
  assert.equal(host.core.pathMtu(remote), 1500);
  host.core.releaseFrame(frame);
  assert.equal(host.figure('faultStack'), 7);
  assert.deepEqual(host.owners(), QUIET);
});

test('events are told once for each socket until they were asked for, and not of one that is closed', () => {
  const host = newHost({ connections: 4, udpSockets: 0 });
  const told = (): string[] => {
    const events: string[] = [];
    for (let event = host.core.nextEvent(); event !== 0n; event = host.core.nextEvent()) {
      events.push(`${event & 0xffff_ffffn}:${event >> 32n}`);
    }
    return events;
  };
  for (let round = 0; round < 10; round++) {
    for (const [socket, what] of [
      [2, 1],
      [3, 2],
      [2, 1],
      [2, 8],
      [0, 4],
    ] as const)
      host.core.postEvent(socket, what);
    host.core.forgetEvents(3);
    assert.equal(host.core.turn(0) & 4, 4);
    host.core.postEvent(1, 1);
    assert.deepEqual(told(), ['2:9', '0:4', '1:1']);
    assert.equal(host.core.turn(0) & 4, 0);
  }
});
