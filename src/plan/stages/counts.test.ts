// How often things happen to a message: the limits of UDP_SEGMENT, who merges received packets, and messages that share no packets.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundOf } from '../answers/bound.js';
import { defaultScenario, type Scenario } from '../scenario.js';
import { countsOf } from './counts.js';
import { buildJourney } from './journey.js';

const counts = (changes: Partial<Scenario>) => countsOf({ ...defaultScenario(), ...changes }, 5);
const bound = (changes: Partial<Scenario>) => boundOf(buildJourney({ ...defaultScenario(), ...changes })).throughput;

test('a UDP_SEGMENT call holds one IP packet and 64 datagrams at most', () => {
  assert.equal(counts({ protocol: 'udp', offload: 'gso', message: 61_824 }).calls, 1);
  assert.equal(counts({ protocol: 'udp', offload: 'gso', message: 2 ** 20, gsoMax: 2 ** 19 }).calls, 17);
  assert.equal(counts({ protocol: 'udp', offload: 'gso', message: 128 * 548, mtu: 576 }).calls, 2);
});

test('UDP is merged only for a socket that asked; its reader then makes fewer calls', () => {
  const udp: Partial<Scenario> = { protocol: 'udp', message: 61_824, direction: 'receive', offload: 'none' };
  assert.equal(counts(udp).receiveSkbs, 42);
  assert.equal(counts({ ...udp, udpGro: true }).receiveSkbs, 1);
  const apart = bound(udp);
  const merged = bound({ ...udp, udpGro: true });
  // The sign of Linux commit e20cf8d3f1f7 (1079 to 1466 MB/s, 769065 to 24877 calls a second); the model gains more bytes.
  assert.ok(merged.bytesPerSecond > 1.1 * apart.bytesPerSecond);
  assert.ok(apart.callsPerSecond > 5 * merged.callsPerSecond);
  assert.equal(bound({ ...udp, gro: false }).gbps, apart.gbps);
});

test('a NIC that merges spares the driver the packets', () => {
  const tcp: Partial<Scenario> = { direction: 'receive', message: 2 ** 20 };
  assert.ok(bound({ ...tcp, lro: true }).gbps > bound(tcp).gbps);
  assert.ok(counts({ ...tcp, lro: true }).driverPackets < counts(tcp).driverPackets / 20);
});

test('TCP messages without delay share no packets', () => {
  assert.ok(counts({ message: 64 }).packets < 0.1);
  assert.equal(counts({ message: 64, nodelay: true }).packets, 1);
  assert.ok(bound({ message: 64, nodelay: true }).messagesPerSecond < 0.6 * bound({ message: 64 }).messagesPerSecond);
});

test('small frames on a link of PCIe gen5 are not held back by the tags of gen3', () => {
  const far: Partial<Scenario> = { path: 'dpdk-forward', message: 64, cores: 64, pcie: 'gen5x16', nic: 400e9 };
  assert.ok(!boundOf(buildJourney({ ...defaultScenario(), ...far })).bottleneck.includes('in flight'));
  const older = bound({ path: 'tc-drop', message: 64 }).mpps;
  assert.ok(older > bound({ path: 'iptables-raw-drop', message: 64 }).mpps * 1.02 && older < 6);
});

test('a VLAN tag takes four bytes of the wire beside the MTU, and none where the frame is as long with it', () => {
  const wireNs = (changes: Partial<Scenario>): number => {
    const { utilisation } = boundOf(buildJourney({ ...defaultScenario(), ...changes }));
    return utilisation.find((one) => one.resource === 'wire')!.busyNs;
  };
  const ratio = (changes: Partial<Scenario>): number => wireNs({ ...changes, vlan: true }) / wireNs(changes);
  const near = (value: number, expected: number) =>
    assert.ok(Math.abs(value - expected) < 1e-12, `${value} is not ${expected}`);
  near(ratio({ mtu: 1500, message: 1 << 20 }), 1542 / 1538);
  near(ratio({ mtu: 9000, message: 1 << 20 }), 9042 / 9038);
  // The least frame has 64 bytes with its tag or without (IEEE 802.3 and 802.1Q): a datagram of a byte fills neither.
  near(ratio({ protocol: 'udp', message: 1 }), 1);
  near(ratio({ path: 'xdp-drop', protocol: 'ethernet', message: 64 }), 1);
  near(ratio({ path: 'xdp-drop', protocol: 'ethernet', message: 1518 }), 1);
});
