// An address that the host's kernel has too: neighbours are asked without it, so that their answers can be told from those to the kernel.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ARP, arp, ethernet } from './packets.js';
import { Host } from './stack-host.js';

const OUR_MAC = '02:00:00:00:00:01';
const PEER_MAC = '02:00:00:00:00:02';
const OUR = '10.0.0.1';
const PEER = '10.0.0.2';
const NOBODY = '0.0.0.0';

interface Asking {
  isWayKnown(remote: number): number;
}

const known = (host: Host, address: string): number =>
  (host.core as unknown as Asking).isWayKnown(host.addressAt(address));

function turn(host: Host, nowUs = 0): Uint8Array[] {
  host.core.turn(nowUs);
  const sent = host.takeSent();
  host.core.turn(nowUs);
  return sent;
}

test('a neighbour is asked for from nobody, and believed when it answers nobody', () => {
  const host = new Host({ settings: { shared: 1 } });
  // The kernel has told everybody who has the address.
  assert.deepEqual(turn(host), []);
  assert.equal(known(host, PEER), 0);
  const [question] = turn(host);
  assert.deepEqual(
    question!.subarray(0, 42),
    ethernet('ff:ff:ff:ff:ff:ff', OUR_MAC, ARP, arp(1, OUR_MAC, NOBODY, OUR_MAC, PEER)).subarray(0, 42),
  );
  // The answer is to the address from which it was asked: nobody's.
  host.deliver(ethernet(OUR_MAC, PEER_MAC, ARP, arp(2, PEER_MAC, PEER, OUR_MAC, NOBODY)));
  turn(host);
  assert.equal(known(host, PEER), 1);
});

test('an address of our own is asked from, and no way is said', () => {
  const host = new Host();
  turn(host);
  assert.equal(known(host, PEER), 0);
  const [question] = turn(host);
  assert.deepEqual(
    question!.subarray(0, 42),
    ethernet('ff:ff:ff:ff:ff:ff', OUR_MAC, ARP, arp(1, OUR_MAC, OUR, '00:00:00:00:00:00', PEER)).subarray(0, 42),
  );
  assert.equal(known(host, '192.0.2.1'), -101);
  assert.equal(known(host, '::1'), -101);
});

test('such a question is answered, and is no claim on an address', () => {
  const host = new Host();
  turn(host);
  const ask = (target: string): Uint8Array[] => {
    host.deliver(ethernet('ff:ff:ff:ff:ff:ff', PEER_MAC, ARP, arp(1, PEER_MAC, NOBODY, target, OUR)));
    return turn(host);
  };
  assert.equal(ask(PEER_MAC).length, 1);
  assert.equal(host.figure('addressConflicts'), 0);
  assert.equal(ask('00:00:00:00:00:00').length, 1);
  assert.equal(host.figure('addressConflicts'), 1);
});

test('who shares the address of IPv6 has one of the link', () => {
  assert.throws(() => new Host({ ipv6: 'fd00::1/64', settings: { shared: 2 } }), /configure: -22/);
  assert.throws(() => new Host({ settings: { shared: 4 } }), /configure: -22/);
});
