// `npm run bench:meter`: what the meter costs and whether it loses anything, as a table against the bounds. Timings want a quiet
// machine; counts do not.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createMeter, refusalSentence } from '../../src/meter/index.js';
import { describeHost, hostFacts } from '../host/about.js';
import { wrkAbsence } from '../load/wrk.js';
import { median } from '../statistics.js';
import { programCosts } from './costs.js';
import { type Comparison, compareServing, compareTcp, overheadOf } from './overhead.js';
import { floodPackets } from './packets.js';

const usage = `npm run bench:meter -- [--only tcp,serve,packets,attach,programs] [--pairs N] [--json]

Measures what the copy meter costs: loopback TCP with messages of 64 KiB, Clearway serving 1 KiB, packets at the highest rate
this machine makes, attaching and detaching, and the run time of each program. Needs root. Rounds with and without the meter
take turns; the table has medians over pairs.
`;

interface Line {
  readonly what: string;
  readonly bound: string;
  readonly measured: string;
  readonly met: boolean | undefined;
  readonly data: unknown;
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

function overheadLine(what: string, bound: number, comparison: Comparison): Line {
  const found = overheadOf(comparison);
  const { cpu, throughput, cpuRange, cpuNsWithout, cpuNsWith } = found;
  return {
    what: `${what}, ${comparison.tier} tier`,
    bound: `<= ${percent(bound)}`,
    measured: `CPU ${percent(cpu)} (${cpuRange.map(percent).join(' to ')}; ${Math.round(cpuNsWithout)} -> ${Math.round(cpuNsWith)} ns), throughput ${percent(throughput)}`,
    met: cpu <= bound,
    data: { ...comparison, ...found },
  };
}

async function serveLine(pairs: number): Promise<Line> {
  const what = 'Clearway serving 1 KiB';
  const absent = wrkAbsence();
  if (absent !== undefined)
    return { what, bound: '<= 12.0 %', measured: `skipped: ${absent}`, met: undefined, data: {} };
  const folder = mkdtempSync(join(tmpdir(), 'clearway-bench-meter-'));
  try {
    return overheadLine(what, 0.12, await compareServing(pairs, 2, folder));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function packetLines(): Promise<Line[]> {
  const lines: Line[] = [];
  for (const read of [false, true]) {
    const run = await floodPackets(2000, read);
    const exact = run.countedBytes === run.bytes && run.countedReceivedBytes === run.receivedBytes;
    const lost = run.lostEvents + run.missedEvents;
    const rate = Math.round(run.packetsPerSecond / 1000);
    lines.push({
      what: `events lost, UDP packets ${read ? 'sent and read' : 'sent'} by ${run.processes} processes, ${run.tier} tier`,
      bound: '0 at 500 000/s',
      measured: `${lost} lost at ${rate} 000/s; ${run.packets} packets, ${exact ? 'every one and every byte counted' : `${run.countedBytes} of ${run.bytes} bytes counted`}`,
      // A machine that makes fewer packets has not shown it.
      met: lost > 0 || !exact ? false : run.packetsPerSecond >= 500_000 ? true : undefined,
      data: run,
    });
  }
  return lines;
}

function attachLine(): Line {
  const attachMs: number[] = [];
  const detachMs: number[] = [];
  let tier = '';
  for (let round = 0; round < 7; round++) {
    const meter = createMeter();
    tier = meter.tier;
    attachMs.push(meter.attachMs);
    const start = performance.now();
    meter.close();
    detachMs.push(performance.now() - start);
  }
  const [attach, detach] = [median(attachMs), median(detachMs)];
  return {
    what: `attach all with the self-test; detach all, ${tier} tier`,
    bound: '< 300 ms; < 100 ms',
    measured: `${attach.toFixed(0)} ms (at most ${Math.max(...attachMs).toFixed(0)}); ${detach.toFixed(0)} ms (at most ${Math.max(...detachMs).toFixed(0)})`,
    met: attach < 300 && detach < 100,
    data: { attachMs, detachMs },
  };
}

async function programLines(): Promise<Line[]> {
  const lines: Line[] = [];
  for (const kind of ['tcp', 'read']) {
    const costs = (await programCosts(kind, 1000)).filter(({ runsEach }) => runsEach > 0.001);
    lines.push({
      what: `programs, ${kind === 'tcp' ? 'TCP 64 KiB message' : 'UDP packet'}`,
      bound: '-',
      measured: costs
        .map(({ name, runsEach, nsEachRun }) => `${name} ${runsEach.toFixed(2)} x ${nsEachRun.toFixed(0)} ns`)
        .join(', '),
      met: undefined,
      data: costs,
    });
  }
  return lines;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: 'tcp,serve,packets,attach,programs' },
      pairs: { type: 'string', default: '15' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  try {
    createMeter().close();
  } catch (error) {
    process.stderr.write(`bench:meter: ${refusalSentence(error)}\n`);
    return 3;
  }
  const only = new Set(values.only.split(','));
  const pairs = Number(values.pairs);
  const lines: Line[] = [];
  if (only.has('tcp')) lines.push(overheadLine('loopback TCP, 64 KiB messages', 0.08, await compareTcp(pairs, 500)));
  if (only.has('serve')) lines.push(await serveLine(Math.min(pairs, 11)));
  if (only.has('packets')) lines.push(...(await packetLines()));
  if (only.has('attach')) lines.push(attachLine());
  if (only.has('programs')) lines.push(...(await programLines()));
  if (values.json) process.stdout.write(`${JSON.stringify({ host: hostFacts(), lines }, null, 2)}\n`);
  else {
    const rows = lines.map(
      ({ what, bound, measured, met }) =>
        `| ${what} | ${bound} | ${measured} | ${met === undefined ? '-' : met ? 'met' : 'MISSED'} |`,
    );
    process.stdout.write(
      `${describeHost(hostFacts())}\n\n| what | bound | measured | |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`,
    );
  }
  return lines.every(({ met }) => met !== false) ? 0 : 1;
}

process.exitCode = await main();
