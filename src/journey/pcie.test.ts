// The arithmetic points of the PCIe model (SIGCOMM 2018): link bandwidth, effective rates, the sawtooth and where three NICs reach 40G.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { packetsPerSecond } from './ethernet.js';
import { type NicTraffic, nics, packetLinkBytes } from './nics.js';
import {
  addLinkBytes,
  defaultLink,
  deviceRead,
  deviceWrite,
  effectiveGbps,
  type PcieLink,
  tlpGbps,
  tlpHeaders,
} from './pcie.js';

const paper: PcieLink = { ...defaultLink, generation: 3, lanes: 8, mps: 256, mrrs: 512 };

function near(actual: number, expected: number, tolerance = 0.001): void {
  assert.ok(
    Math.abs(actual - expected) <= expected * tolerance,
    `${actual} is not within ${tolerance * 100} % of ${expected}`,
  );
}

test('row 1 and 7: bandwidth left to TLPs', () => {
  near(tlpGbps(paper), 57.88);
  near(tlpGbps({ ...paper, lanes: 16 }), 113.7);
  near(tlpGbps({ ...paper, generation: 4, lanes: 16 }), 227.4);
  near(tlpGbps({ ...paper, generation: 5, lanes: 16, mps: 512 }), 458.49);
});

test('row 2: write, read and both at 512 B', () => {
  near(effectiveGbps(paper, 512, deviceWrite(paper, 512)), 52.92);
  near(effectiveGbps(paper, 512, deviceRead(paper, 512)), 53.69);
  near(effectiveGbps(paper, 512, addLinkBytes([deviceRead(paper, 512), 1], [deviceWrite(paper, 512), 1])), 50.75);
});

test('row 3: one byte over the MPS costs a whole header', () => {
  near(effectiveGbps(paper, 256, deviceWrite(paper, 256)), 52.92);
  near(effectiveGbps(paper, 257, deviceWrite(paper, 257)), 48.78);
});

/** Smallest frame (with FCS) from which a NIC keeps up with 40G in both directions, as the authors' script compares them. */
function reaches40G(traffic: NicTraffic): number {
  for (let frame = 64; frame < 1500; frame += 1) {
    const payload = frame - 4;
    const wire = (packetsPerSecond(40e9, Math.max(payload - 22, 42), true) * payload * 8) / 1e9;
    const link = packetLinkBytes(paper, traffic, payload, 'both', { withoutDescriptorRequest: true });
    if (effectiveGbps(paper, payload, link) >= wire) return frame;
  }
  return Number.POSITIVE_INFINITY;
}

test('rows 4 and 5: where the simple, the kernel and the polled NIC reach 40G, within one TLP', () => {
  const oneTlp = tlpHeaders(paper).write;
  for (const [traffic, expected] of [
    [nics.simple.traffic, 477],
    [nics.ixgbe.traffic, 246],
    [nics['ixgbe-dpdk'].traffic, 182],
  ] as const) {
    assert.ok(Math.abs(reaches40G(traffic) - expected) <= oneTlp, `${reaches40G(traffic)} against ${expected}`);
  }
});

test('row 6: 64 B frames in both directions, as published and with the missing request put back', () => {
  const rate = (traffic: NicTraffic, asPublished: boolean): number =>
    effectiveGbps(paper, 60, packetLinkBytes(paper, traffic, 60, 'both', { withoutDescriptorRequest: asPublished }));
  near(rate(nics.simple.traffic, true), 12.58);
  near(rate(nics.ixgbe.traffic, true), 17.63);
  near(rate(nics['ixgbe-dpdk'].traffic, true), 20.65);
  for (const id of ['simple', 'ixgbe', 'ixgbe-dpdk'] as const) {
    assert.ok(rate(nics[id].traffic, false) < rate(nics[id].traffic, true), `${id}: the fixed curve lies below`);
  }
});

test('a larger payload never costs fewer bytes on the link, and a wider link never has less bandwidth', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9000 }), fc.constantFrom(128, 256, 512), (bytes, mps) => {
      const link = { ...paper, mps };
      assert.ok(deviceWrite(link, bytes + 1).up > deviceWrite(link, bytes).up);
      assert.ok(deviceRead(link, bytes + 1).down > deviceRead(link, bytes).down);
      assert.ok(tlpGbps({ ...link, lanes: 16 }) > tlpGbps({ ...link, lanes: 8 }));
    }),
  );
});
