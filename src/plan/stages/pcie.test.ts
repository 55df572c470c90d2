// The arithmetic points of the PCIe model (SIGCOMM 2018): link bandwidth, effective rates, the sawtooth and where three NICs reach 40G.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type NicTraffic, nics, type ReceiveOptions, receiveOverhead, transmitOverhead } from '../facts/nics.js';
import { frameOverhead } from './ethernet.js';
import { addLinkBytes, deviceRead, deviceWrite, type LinkBytes, type PcieLink, tlpGbps, tlpHeaders } from './pcie.js';

const paper: PcieLink = {
  generation: 3,
  lanes: 8,
  mps: 256,
  mrrs: 512,
  addressBits: 64,
  ecrc: false,
  completionBytes: 0,
};

/** Payload rate in Gb/s when every `payload` bytes cost `bytes` on the link and the busier direction is full. */
function effectiveGbps(link: PcieLink, payload: number, bytes: LinkBytes): number {
  return (payload / Math.max(bytes.up, bytes.down)) * tlpGbps(link);
}

/** Link bytes of whole packets of `bytes`: transmitted, received, or both at once (the curves of the SIGCOMM 2018 paper). */
function packetLinkBytes(
  link: PcieLink,
  traffic: NicTraffic,
  bytes: number,
  direction: 'transmit' | 'receive' | 'both',
  options: ReceiveOptions = {},
): LinkBytes {
  const parts: [LinkBytes, number][] = [];
  if (direction !== 'receive') parts.push([transmitOverhead(link, traffic, 1), 1], [deviceRead(link, bytes), 1]);
  if (direction !== 'transmit') parts.push([receiveOverhead(link, traffic, options), 1], [deviceWrite(link, bytes), 1]);
  return addLinkBytes(...parts);
}

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
    const wire = (40 / (Math.max(payload - 22, 42) + frameOverhead(true))) * payload;
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
