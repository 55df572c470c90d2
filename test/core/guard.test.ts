// The guard of frames: whatever the kernel's side or the application says, each frame has one owner, nothing outside of the UMEM is touched, and each
// thing that does not fit is one counted fault.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Setting } from '../../src/core/control.js';
import { repeated } from '../support/long.js';
import { seededRandom } from '../support/seeded-random.js';
import { ARP, arp, ethernet, IPV4, icmp, ipv4, pattern } from './packets.js';
import { Host } from './stack-host.js';

const OUR_MAC = '02:00:00:00:00:01';
const PEER_MAC = '02:00:00:00:00:02';
const faults = [
  'faultOutside',
  'faultOwner',
  'faultLength',
  'faultRing',
  'faultRecycleOutside',
  'faultRecycleOwner',
  'faultStack',
] as const;

function faultsOf(host: Host): number {
  return faults.reduce((sum, name) => sum + host.figure(name), 0);
}

/** The pages on both sides of the UMEM, filled with what nobody else writes. */
function canariesOf(host: Host): () => void {
  const umem = host.place('umem');
  const sides = [
    host.bytes.subarray(umem - 4096, umem),
    host.bytes.subarray(umem + host.place('umemBytes')).subarray(0, 4096),
  ];
  for (const side of sides) side.fill(0xa5);
  return () => {
    for (const side of sides) assert.ok(side.every((byte) => byte === 0xa5));
  };
}

/** An echo is answered: the stack still serves. */
function assertServes(host: Host, nowUs: number): void {
  let sent: Uint8Array[] = [];
  for (const packet of [
    ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4('10.0.0.2', '10.0.0.1', { protocol: 1 }, icmp(8, 0, 1, pattern(8)))),
    ethernet(OUR_MAC, PEER_MAC, ARP, arp(2, PEER_MAC, '10.0.0.2', OUR_MAC, '10.0.0.1')),
  ]) {
    assert.ok(host.deliver(packet));
    host.core.turn(nowUs);
    sent = [...sent, ...host.takeSent()];
  }
  assert.ok(sent.some((packet) => packet[12] === 8 && packet[13] === 0 && packet[34] === 0));
}

const bad = repeated(1_000_000);

test(`${bad} bad descriptors, double frees and foreign addresses: each a counted fault`, () => {
  const host = new Host({ settings: { frameCount: 1024, fillEntries: 256, rxEntries: 256, completionEntries: 256 } });
  const checkCanaries = canariesOf(host);
  const umemBytes = host.place('umemBytes');
  const umem = host.place('umem');
  const random = seededRandom(12);
  host.core.turn(0);
  host.takeSent();
  host.core.turn(0);
  const before = host.owners();
  let done = 0;
  // What the kernel's side says: places outside, of frames that it does not have, and in completions of frames that were never sent.
  const badPlace = (): number => {
    const kind = random();
    if (kind < 0.3) return umemBytes + Math.floor(random() * 0xffff_ffff);
    if (kind < 0.4)
      return (0xffff_0000 + Math.floor(random() * 0xffff)) * 0x1_0000_0000 + Math.floor(random() * umemBytes);
    // The fill ring holds the first 256 frames: the rest are nobody's.
    return 256 * 2048 + Math.floor(random() * (umemBytes - 256 * 2048));
  };
  for (let round = 0; round < bad / 1000; round++) {
    for (let index = 0; index < 256; index++) {
      host.rx.produce(badPlace(), Math.floor(random() * 0x1_0000_0000));
      host.completion.produce(Math.floor(random() * umemBytes * 2), 0);
    }
    host.core.turn(0);
    done += 512;
    for (let index = 0; index < 488; index++) {
      // A foreign address: anywhere in 32 bits, or in a frame that is not lent.
      const address = random() < 0.5 ? Math.floor(random() * 0x1_0000_0000) : umem + Math.floor(random() * umemBytes);
      assert.ok(host.core.recycle(address) < 0);
      done++;
    }
  }
  assert.equal(done, bad);
  assert.equal(faultsOf(host), done);
  assert.equal(host.figure('faultStack'), 0);
  assert.deepEqual(host.owners(), before);
  checkCanaries();
  assertServes(host, 0);
});

test('a frame that was lent is returned once; one that came back from the kernel comes once', () => {
  const host = new Host();
  host.core.turn(0);
  host.takeSent();
  host.core.turn(0);
  const at = host.core.udpFrame();
  assert.equal(host.core.recycle(at + 1900), 0, 'any address in it');
  assert.equal(host.core.recycle(at), -22);
  // The same received frame twice, and one that is longer than a frame.
  const place = host.fill.consume();
  host.rx.produce(place + 256, 60);
  host.rx.produce(place + 256, 60);
  const other = host.fill.consume();
  host.rx.produce(other + 256, 2048);
  host.core.turn(0);
  assert.equal(host.figure('faultOwner'), 1);
  assert.equal(host.figure('faultLength'), 1);
  assert.equal(host.owners().stack, 0);
});

test('indices of the kernel that cannot be are counted, and not followed', () => {
  const host = new Host();
  const [fill, completion, rx, tx] = [0, 1, 2, 3].map((ring) => {
    const places = host.control + 0x130 + ring * 16;
    return [host.data.getUint32(places, true), host.data.getUint32(places + 4, true)] as const;
  });
  host.core.turn(0);
  host.takeSent();
  for (const address of [fill![1], completion![0], rx![0], tx![1]]) {
    const right = host.data.getUint32(address, true);
    for (const wrong of [0x8000_0000, right + 0x1_0001, right - 5000]) {
      host.data.setUint32(address, wrong, true);
      host.core.turn(0);
    }
    host.data.setUint32(address, right, true);
  }
  assert.ok(host.figure('faultRing') >= 9, `${host.figure('faultRing')}`);
  assertServes(host, 0);
});

test('rings and settings that cannot be are refused, and which one is said', () => {
  const host = new Host();
  for (const [at, wrong] of [
    [0x130, 0xffff_fffe],
    [0x134, 3],
    [0x13c, 0x1000],
    [0x15c, 0xffff_fff8],
  ] as const) {
    const right = host.data.getUint32(host.control + at, true);
    host.data.setUint32(host.control + at, wrong, true);
    assert.equal(host.core.attachRings(), -22);
    assert.equal(host.place('refused') & ~15, at & ~15);
    host.data.setUint32(host.control + at, right, true);
  }
  for (const settings of [
    { mtu: 400 },
    { mtu: 1800 },
    { frameSize: 3000 },
    { frameCount: 10 },
    { rxEntries: 100 },
    { neighbours: 9 },
    { ipv4PrefixLength: 33 },
    { batch: 0 },
    { mac: 0x0101_0101 },
    { receiveReserve: 4096 },
  ]) {
    assert.throws(() => new Host({ settings }), /configure: -22/, JSON.stringify(settings));
  }
  // Of TCP: what would wrap, what a byte cannot hold, and limits at which nothing moves.
  for (const [name, ...wrong] of [
    ['icmpErrorsPerSecond', 1_000_001],
    ['receiveFrames', 0, 3, 0x4_0001],
    ['sendFrames', 0, 1, 0xffff_ffff],
    ['congestion', 2],
    ['userTimeoutMs', 0, 999, 2_000_000_001],
    ['finWaitMs', 0, 0xffff_ffff],
    ['timeWaitMs', 0, 0xffff_ffff],
    ['keepIdleMs', 0, 0xffff_ffff],
    ['keepIntervalMs', 99, 0xffff_ffff],
    ['keepProbes', 0, 128],
    ['synTries', 128, 0xffff_ffff],
    ['synAnswerTries', 255],
    ['challengesPerSecond', 0xffff_ffff],
    ['orphans', 0x10_0001],
    ['stallMs', 999, 0xffff_ffff],
  ] as const) {
    for (const value of wrong) {
      const said = new RegExp(`configure: -22, setting ${Setting[name].toString(16)}$`);
      assert.throws(() => new Host({ settings: { [name]: value } }), said, `${name}: ${value}`);
    }
  }
  // IPv6 wants 1280 bytes of each link, and an address of IPv4 is none of its own.
  assert.throws(() => new Host({ ipv6: 'fd00::1/64', settings: { mtu: 1279 } }), /configure: -22, setting 8$/);
  assert.throws(() => new Host({ ipv6: '0:0:0:0:0:ffff:a00:1/64' }), /configure: -22, setting 30$/);
  assert.throws(() => new Host({ pages: 64 }), /configure: -12/);
});
