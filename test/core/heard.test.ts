// A card with several queues has a stack on each: an answer about a neighbour that comes to one of them is told to the one that asked, and what ICMP says of a packet to the one
// that sent it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ARP, arp, ethernet, IPV4, icmp, ipv4 } from './packets.js';
import { Host } from './stack-host.js';

const OUR_MAC = '02:00:00:00:00:01';
const PEER_MAC = '02:00:00:00:00:02';
const OTHER_MAC = '02:00:00:00:00:03';
const OUR = '10.0.0.1';
const PEER = '10.0.0.2';
const entryBytes = 24;
const mostEntries = 16;

const known = (host: Host, address = PEER): number => host.core.isWayKnown(host.addressAt(address));

function turn(host: Host, nowUs = 0): Uint8Array[] {
  host.core.turn(nowUs);
  return host.takeSent();
}

function deliver(host: Host, operation: number, mac: string, address: string): void {
  host.deliver(ethernet(OUR_MAC, mac, ARP, arp(operation, mac, address, OUR_MAC, OUR)));
  turn(host);
}

/** What one heard is told to the other, as the threads do. Returns how many entries. */
function tell(from: Host, to: Host): number {
  const entries = from.place('heard');
  const at = from.core.takeHeard();
  assert.equal(from.place('heard'), 0);
  // Memory that nobody uses: the last page.
  const into = to.bytes.length - 4096;
  to.bytes.set(from.bytes.subarray(at, at + entries * entryBytes), into);
  to.core.hearAlso(into, entries);
  return entries;
}

function pair(): [asking: Host, answered: Host] {
  const hosts: [Host, Host] = [new Host({ seed: 1 }), new Host({ seed: 2 })];
  for (const host of hosts) turn(host);
  return hosts;
}

test('an answer that came to another queue lets go what waited for it', () => {
  const [asking, answered] = pair();
  const socket = asking.core.udpOpen(asking.addressAt(OUR), 7);
  assert.equal(asking.core.udpSend(socket, asking.core.udpFrame(), 4, asking.addressAt(PEER), 9), 0);
  assert.equal(turn(asking).length, 1, 'the question');
  assert.equal(asking.owners().waiting, 1);
  deliver(answered, 2, PEER_MAC, PEER);
  // The one that got it did not ask, and believes nothing of it.
  assert.equal(answered.figure('neighbourUnasked'), 1);
  assert.equal(tell(answered, asking), 1);
  const [sent] = turn(asking);
  assert.deepEqual([...sent!.subarray(0, 12)], [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]);
  assert.equal(known(asking), 1);
  assert.equal(asking.owners().waiting, 0);
  assert.equal(asking.figure('neighbourTold'), 1);
  assert.equal(asking.figure('faultStack'), 0);
  // It is not told on.
  assert.equal(asking.place('heard'), 0);
  assert.equal(tell(answered, asking), 0);
});

test('what was told is believed no more than what came itself', () => {
  const [asking, answered] = pair();
  // Nobody asked: no entry is made.
  deliver(answered, 2, PEER_MAC, PEER);
  tell(answered, asking);
  assert.equal(asking.figure('neighbourUnasked'), 1);
  assert.equal(known(asking), 0);
  turn(asking);
  deliver(answered, 2, PEER_MAC, PEER);
  tell(answered, asking);
  assert.equal(known(asking), 1);
  // Another link address: whoever had it is asked, and keeps it when he answers, which again the other queue hears.
  deliver(answered, 1, OTHER_MAC, PEER);
  tell(answered, asking);
  assert.equal(asking.figure('neighbourConflicts'), 1);
  const [question] = turn(asking);
  assert.deepEqual([...question!.subarray(0, 6)], [2, 0, 0, 0, 0, 2]);
  deliver(answered, 2, PEER_MAC, PEER);
  tell(answered, asking);
  assert.equal(known(asking), 1);
  assert.deepEqual(turn(asking, 4_000_000), [], 'nobody is asked any more');
});

test('the list is bounded, for whoever floods and for one that has no other queue', () => {
  const [asking, answered] = pair();
  for (let host = 2; host < 102; host++) deliver(answered, 2, PEER_MAC, `10.0.0.${host}`);
  assert.equal(answered.place('heard'), mostEntries);
  assert.equal(answered.figure('neighbourUnasked'), 100);
  assert.equal(tell(answered, asking), mostEntries);
  // Nor does a number that cannot be reach further.
  asking.core.hearAlso(asking.bytes.length - 4096, 0xffff_ffff);
  assert.equal(asking.figure('neighbourTold'), 2 * mostEntries);
  deliver(answered, 2, PEER_MAC, PEER);
  assert.equal(answered.place('heard'), 1);
});

test('what ICMP says of a packet is told to the queue that sent it, and believed there alone', () => {
  const [sending, told] = pair();
  const socket = sending.core.udpOpen(sending.addressAt('::'), 7);
  deliver(sending, 2, PEER_MAC, PEER);
  known(sending);
  turn(sending);
  deliver(sending, 2, PEER_MAC, PEER);
  assert.equal(sending.core.udpSend(socket, sending.core.udpFrame(), 4, sending.addressAt(PEER), 9), 0);
  const [sent] = turn(sending);
  const say = (code: number, rest: number, quoted: Uint8Array): void => {
    const message = icmp(3, code, rest, quoted);
    told.deliver(ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(PEER, OUR, { protocol: 1 }, message)));
    turn(told);
  };
  tell(sending, told);
  say(3, 0, sent!.subarray(14));
  assert.equal(told.figure('icmpUnbelieved'), 1);
  assert.equal(tell(told, sending), 2);
  assert.equal(sending.core.udpReceive(socket), -111);
  assert.equal(sending.figure('icmpTold'), 1);
  // A narrow way.
  say(4, 1000, sent!.subarray(14));
  assert.equal(tell(told, sending), 2);
  const wide = sending.core.udpSend(socket, sending.core.udpFrame(), 1400, sending.addressAt(PEER), 9);
  assert.equal(wide, -90, 'longer than the way carries');
  // Of a packet that nobody sent: told, not believed, and not told on.
  const foreign = sent!.slice(14);
  foreign[21]! ^= 1;
  say(3, 0, foreign);
  assert.equal(tell(told, sending), 2);
  assert.equal(sending.core.udpReceive(socket), -11);
  assert.equal(sending.place('heard'), 0);
  // Half of what is told says nothing.
  say(3, 0, sent!.subarray(14));
  const at = told.core.takeHeard();
  const into = sending.bytes.length - 4096;
  sending.bytes.set(told.bytes.subarray(at, at + entryBytes), into);
  sending.core.hearAlso(into, 1);
  assert.equal(sending.core.udpReceive(socket), -11);
});
