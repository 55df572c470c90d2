// The model held to what was published: residuals, the committed tables, and the signs that folklore gets wrong.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { constantIds, constants } from '../facts/constants.js';
import { constantsTable } from '../facts/constants-table.js';
import { type Host, hostIds, hosts } from '../facts/hosts.js';
import { publishedRows } from '../facts/published.js';
import { defaultScenario, type Scenario, scenarioSchema } from '../scenario.js';
import { buildJourney } from '../stages/journey.js';
import { boundOf, processorNs } from './bound.js';
import { breakEven, sendCostNs } from './breakeven.js';
import { assumedShare, medianError, residuals, residualTable, seriesErrors } from './residuals.js';

const docs = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../../docs/${name}`, import.meta.url)), 'utf8');
const gbps = (changes: Partial<Scenario>): number =>
  boundOf(buildJourney({ ...defaultScenario(), ...changes })).throughput.gbps;

test('median absolute error of the scored rows is at most 10 %, over rows and over series', () => {
  const scored = residuals().filter((one) => one.row.use === 'scored');
  assert.ok(scored.length >= 20);
  assert.ok(medianError(scored) <= 0.1, `over rows ${medianError(scored)}`);
  const bySeries = seriesErrors(scored);
  const sorted = bySeries.map((one) => one.error).sort((a, b) => a - b);
  assert.ok(sorted[sorted.length >> 1]! <= 0.1, 'over series');
});

test('fitted rows come out within 4 %, and the split is honest: no constant is solved from a scored row', () => {
  for (const one of residuals()) {
    if (one.row.use === 'fitted') assert.ok(Math.abs(one.error) <= 0.04, `row ${one.row.id}: ${one.error}`);
  }
  const use = new Map(publishedRows.map((row) => [row.id, row.use]));
  const check = (id: string, fittedOn: readonly string[] | undefined): void => {
    for (const row of fittedOn ?? []) {
      assert.notEqual(use.get(row), 'scored', `${id} is solved from the scored row ${row}`);
    }
  };
  for (const id of constantIds) check(id, constants[id].fittedOn);
  for (const id of hostIds) {
    const host: Host = hosts[id];
    for (const [name, constant] of Object.entries(host.constants)) check(`${id} ${name}`, constant?.fittedOn);
  }
});

test('rows that rest on estimates are named apart, and the median holds without them', () => {
  const scored = residuals().filter((one) => one.row.use === 'scored');
  const estimated = scored.filter((one) => assumedShare(one.row) > 0.1);
  assert.ok(estimated.some((one) => one.row.id === '20c') && !estimated.some((one) => one.row.id === '10l2'));
  for (const one of estimated) assert.match(docs('residuals.md'), new RegExp(`^Rows .*\\b${one.row.id}\\b`, 'm'));
  assert.ok(medianError(scored.filter((one) => !estimated.includes(one))) <= 0.1);
});

test('every constant has a unit, conditions or an obvious meaning, a source and a kind', () => {
  for (const id of constantIds) {
    const one = constants[id];
    assert.ok(Number.isFinite(one.value) && one.unit !== '' && one.source !== '', id);
    assert.ok(['published', 'measured here', 'assumed'].includes(one.kind), id);
  }
});

test('the committed tables are what the model says', () => {
  // The formatter aligns the columns of a table; the words are what counts.
  const words = (text: string): string =>
    text
      .replace(/ *\| */g, '|')
      .replace(/-{3,}/g, '---')
      .trim();
  assert.equal(words(docs('residuals.md')), words(residualTable()));
  assert.equal(words(docs('constants.md')), words(constantsTable()));
  assert.deepEqual(JSON.parse(docs('scenario.schema.json')), scenarioSchema());
});

const rome: Partial<Scenario> = {
  host: 'rome-2022',
  direction: 'send',
  mtu: 4096,
  nic: 200e9,
  pcie: 'gen4x16',
  ip: 6,
  iommu: 'strict',
  message: 1_048_576,
};

test('sign: on the Rome host zero-copy loses with 4 KiB fragments and wins with huge pages', () => {
  const copied = gbps({ ...rome, way: 'copy' });
  assert.ok(gbps({ ...rome, way: 'zerocopy', page: 4096 }) < copied);
  assert.ok(gbps({ ...rome, way: 'zerocopy', page: 2 ** 21 }) > 1.3 * copied);
});

test('sign: SEND_ZC loses for small messages and wins for large ones', () => {
  for (const host of ['reference', 'gso-2018'] as const) {
    const scenario = { ...defaultScenario(), host };
    for (const bytes of [64, 256, 1024]) {
      assert.ok(sendCostNs(scenario, 'send_zc', bytes) > sendCostNs(scenario, 'gather', bytes), `${host} ${bytes}`);
    }
    assert.ok(sendCostNs(scenario, 'send_zc', 65_536) < sendCostNs(scenario, 'gather', 65_536));
  }
});

test('sign: BIG TCP gains only once the copy is gone', () => {
  const gain = (changes: Partial<Scenario>): number =>
    gbps({ ...rome, ...changes, gsoMax: 524_288, maxFrags: 45 }) / gbps({ ...rome, ...changes }) - 1;
  const copied = gain({ way: 'copy' });
  const referenced = gain({ way: 'zerocopy', page: 2 ** 21 });
  assert.ok(copied < 0.1, `copied: ${copied}`);
  assert.ok(referenced > 0.25, `copied ${copied}, referenced ${referenced}`);
  const ends: Partial<Scenario> = { host: 'reference', mtu: 9000, message: 1_048_576, nic: 400e9, pcie: 'gen5x16' };
  const both = (changes: Partial<Scenario>): number =>
    gbps({ ...ends, ...changes, gsoMax: 524_288, maxFrags: 45 }) / gbps({ ...ends, ...changes }) - 1;
  assert.ok(both({ way: 'copy' }) < 0.12, `copied at both ends: ${both({ way: 'copy' })}`);
  const gone: Partial<Scenario> = { way: 'zerocopy', page: 2 ** 21, receive: 'zcrx' };
  assert.ok(both(gone) > 1.5 * both({ way: 'copy' }), `gone at both ends: ${both(gone)}`);
});

test('sign: larger receive buffers save zcrx up to a third of its processor time', () => {
  const cost = (rxBuffer: number): number =>
    processorNs(buildJourney({ ...defaultScenario(), direction: 'receive', receive: 'zcrx', rxBuffer, mtu: 9000 }))
      .receiver;
  const saved = 1 - cost(32_768) / cost(4096);
  assert.ok(saved > 0.05 && saved < 0.4, `saved ${saved}`);
});

test('sign: MSG_ZEROCOPY breaks even near 10 KB, as its documentation says', () => {
  const { bytes } = breakEven(defaultScenario(), 'zerocopy');
  assert.ok(bytes !== null && bytes > 7000 && bytes < 14_000, `${bytes}`);
});

test('shape: at a low packet rate an interrupt costs XDP more latency than polling costs DPDK', () => {
  const idle = (path: 'xdp-redirect' | 'dpdk-forward'): number =>
    buildJourney({ ...defaultScenario(), host: 'xdp-2018', path, message: 64 }).stages.reduce(
      (sum, stage) => sum + stage.serviceNs + stage.latencyNs,
      0,
    );
  assert.ok(idle('xdp-redirect') > idle('dpdk-forward') + 500);
});

test('shape: a device that moves about in a large window pays for the IOMMU, huge pages give it back', () => {
  const base: Partial<Scenario> = { host: 'pcie-bench-2018', path: 'dma-read', pcie: 'gen3x8', message: 64 };
  const off = gbps(base);
  const small = gbps({ ...base, iommu: 'strict', iommuWindow: 131_072 });
  const large = gbps({ ...base, iommu: 'strict', iommuWindow: 2 ** 26 });
  const huge = gbps({ ...base, iommu: 'strict', iommuWindow: 2 ** 26, page: 2 ** 21 });
  assert.ok(Math.abs(small / off - 1) < 0.01);
  assert.ok(large / off < 0.5);
  assert.ok(Math.abs(huge / off - 1) < 0.01);
});

test('more cores, a larger MTU or a faster link never make a scenario slower; a firewall never makes it faster', () => {
  for (const way of ['copy', 'zerocopy', 'sendfile'] as const) {
    const base: Partial<Scenario> = { way, flows: 64, message: 65_536 };
    for (let cores = 1; cores < 8; cores += 1)
      assert.ok(gbps({ ...base, cores: cores + 1 }) >= gbps({ ...base, cores }) * 0.999);
    for (const [small, large] of [
      [1500, 4096],
      [4096, 9000],
    ] as const) {
      assert.ok(gbps({ ...base, mtu: large }) >= gbps({ ...base, mtu: small }) * 0.98, `${way} ${small} ${large}`);
    }
    assert.ok(gbps({ ...base, nic: 200e9 }) >= gbps({ ...base, nic: 100e9 }));
    for (const firewall of ['conntrack', 'nfqueue', 'helper'] as const)
      assert.ok(gbps({ ...base, firewall }) <= gbps(base));
  }
});

test('over the MTU throughput falls only where a super-packet holds one segment less, and by no more than that', () => {
  const fast: Partial<Scenario> = { nic: 1.6e12, pcie: 'gen6x16' };
  const cases: Partial<Scenario>[] = [
    { way: 'copy' },
    { way: 'zerocopy', message: 1_048_576 },
    { way: 'send_zc_fixed', message: 1400, direction: 'send' },
    { way: 'copy', direction: 'receive' },
    { way: 'zerocopy', protocol: 'udp', offload: 'gso', message: 1_048_576, direction: 'send' },
  ];
  for (const changes of cases) {
    let falls = 0;
    let before: { gbps: number; superBytes: number; received: number } | undefined;
    for (let mtu = 1280; mtu <= 9216; mtu += 8) {
      const journey = buildJourney({ ...defaultScenario(), ...fast, ...changes, mtu });
      const bound = boundOf(journey);
      assert.match(bound.bottleneck, /core/);
      const { superBytes, bytes, receiveSkbs } = journey.counts;
      const now = { gbps: bound.throughput.gbps, superBytes, received: bytes / receiveSkbs };
      if (before) {
        const rounding = Math.min(1, now.superBytes / before.superBytes, now.received / before.received);
        assert.ok(now.gbps >= before.gbps * rounding * (1 - 1e-9), `${JSON.stringify(changes)} at ${mtu}`);
        if (now.gbps < before.gbps) falls += 1;
      }
      before = now;
    }
    assert.ok(falls > 0, `${JSON.stringify(changes)}: no fall to judge`);
    for (let mtu = 1280; mtu < 9216; mtu += 8) {
      const whole = { ...fast, ...changes, offload: 'none', gro: false } as const;
      assert.ok(gbps({ ...whole, mtu: mtu + 8 }) >= gbps({ ...whole, mtu }) * (1 - 1e-9), `packet by packet at ${mtu}`);
    }
  }
});
