// `clearway calibrate`: measures this host in under a minute, says what it measures while it does, and stores a profile that plan (`--here`)
// and serve use. The measurements are in calibrate-measure.ts and calibrate-serve.ts; what they mean for the model is here.

import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { answer } from '../journey/answer.js';
import { type Constant, type ConstantId, constants as table } from '../journey/constants.js';
import { defaultScenario } from '../journey/scenario.js';
import { fitProfile, type Measured } from './calibrate-fit.js';
import {
  measureCall,
  measureCopy,
  measureDatagram,
  measureNotification,
  measureSend,
  measureWake,
  Payload,
  Sink,
} from './calibrate-measure.js';
import { measureServe } from './calibrate-serve.js';
import { hereDefaults, loadHost, storeHost } from './host-profile.js';
import { UsageError } from './usage.js';

export const summary = 'measure this host: plan --here and serve use what it finds';

const help = `Usage: clearway calibrate [--seconds N] [--check] [--json]

Measures what a system call, a copied byte (in the cache and not), a page by reference, a send, a sendfile, a datagram, a
wake-up and the notification of SEND_ZC cost on this host, and what a request costs clearway serve. Traffic stays on
loopback, so nothing is said of DMA, PCIe or a wire. Takes under a minute; the quieter the host, the narrower the
intervals. The profile goes to $XDG_CONFIG_HOME/clearway/profile.json (else ~/.config).

  --seconds N   time to spend, 10 to 55 (45)
  --check       then measure serve at sizes that were not used, and compare with what plan --here predicts (half a minute more)
  --json        print the profile as JSON
`;

/** Sizes of the sends from which the cost of a call and of a byte are solved. */
export const sendSizes = [4096, 65_536, 262_144, 1_048_576];
/** Sizes of the files that serve is asked for. */
export const serveSizes = [1024, 65_536, 262_144, 524_288, 1_048_576];

interface Series {
  name: string;
  title: string;
  once: () => number | undefined | Promise<number | undefined>;
  values: number[];
}

function measurements(sink: Sink, payload: Payload): Series[] {
  const series: Series[] = [
    { name: 'call', title: 'system call', once: measureCall, values: [] },
    { name: 'copy.hot', title: 'copy, in the cache', once: () => measureCopy('hot'), values: [] },
    { name: 'copy.cold', title: 'copy, not in the cache', once: () => measureCopy('cold'), values: [] },
    { name: 'datagram', title: 'UDP datagram', once: measureDatagram, values: [] },
    { name: 'wake', title: 'wake-up', once: measureWake, values: [] },
    { name: 'notification', title: 'SEND_ZC notification', once: measureNotification, values: [] },
  ];
  for (const way of ['gather', 'sendfile'] as const) {
    for (const bytes of sendSizes) {
      const title = `${way === 'gather' ? 'send' : 'sendfile'} of ${bytes / 1024} KiB`;
      series.push({ name: `${way}.${bytes}`, title, once: () => measureSend(sink, payload, way, bytes), values: [] });
    }
  }
  return series;
}

function serveSeries(forMs: number): Series[] {
  const series: Series[] = [];
  for (const way of ['inline', 'sendfile'] as const) {
    for (const bytes of serveSizes) {
      series.push({
        name: `serve.${way}.${bytes}`,
        title: `serve, ${bytes / 1024} KiB ${way === 'inline' ? 'from memory' : 'by sendfile'}`,
        once: async () => (await measureServe(bytes, way === 'inline', forMs)).nsPerRequest,
        values: [],
      });
    }
  }
  return series;
}

/** Repeats all series in turn, so that a slow moment touches each a little, until the time is up; one whole round at least. */
async function repeat(
  series: readonly Series[],
  untilMs: number,
  most: number,
  progress: (text: string) => void,
): Promise<void> {
  for (let round = 0; round < most; round += 1) {
    for (const one of series) {
      if (round > 0 && Date.now() > untilMs) return;
      progress(`round ${round + 1}: ${one.title}`);
      const value = await one.once();
      if (value !== undefined) one.values.push(value);
    }
  }
}

/** Median and a 95 % interval of it (order statistics; for few rounds the whole range). */
export function summarise(values: readonly number[]): Measured {
  const sorted = [...values].sort((a, b) => a - b);
  const count = sorted.length;
  const middle = count >> 1;
  const median = count % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  const half = 0.98 * Math.sqrt(count);
  const low = Math.max(0, Math.floor(count / 2 - half));
  const high = Math.min(count - 1, Math.ceil(count / 2 + half));
  return { median, low: sorted[low]!, high: sorted[high]!, rounds: count };
}

/** Sizes between those that were measured: what the profile has to predict. */
const checkedSizes = [16_384, 131_072, 786_432];

/** Measures serve where the profile did not, and prints both figures. */
async function check(progress: (text: string) => void): Promise<void> {
  const here = loadHost();
  if (!here) throw new Error('the profile that was just stored cannot be read');
  const series: Series[] = [];
  for (const bytes of checkedSizes) {
    for (const way of ['copy', 'sendfile'] as const) {
      const once = async () => (await measureServe(bytes, way === 'copy', 700)).nsPerRequest;
      const title = `${bytes / 1024} KiB ${way === 'copy' ? 'from memory' : 'by sendfile'}`;
      series.push({ name: `${way} ${bytes}`, title, once, values: [] });
    }
  }
  await repeat(series, Date.now() + 20_000, 3, progress);
  console.log('\nserve, where nothing was measured: processor seconds a GiB, predicted and measured');
  for (const one of series) {
    const [way, bytes] = one.name.split(' ') as ['copy' | 'sendfile', string];
    const scenario = { ...defaultScenario(), ...hereDefaults, host: 'here' as const, way, message: Number(bytes) };
    const predicted = answer(scenario, { here }).cpu.senderNsPerMessage;
    const measured = summarise(one.values).median;
    const perGiB = (ns: number): string => ((ns / Number(bytes)) * 1.073741824).toFixed(3);
    const difference = `${predicted > measured ? '+' : ''}${Math.round((predicted / measured - 1) * 100)} %`;
    console.log(`  ${one.title.padEnd(24)} ${perGiB(predicted)}  ${perGiB(measured)}  ${difference}`);
  }
}

function progressTo(stream: NodeJS.WriteStream, started: number): (text: string) => void {
  return (text) => {
    const seconds = ((Date.now() - started) / 1000).toFixed(0);
    if (stream.isTTY) stream.write(`\r\x1b[K${seconds} s  ${text}`);
  };
}

/** Measures everything within about `seconds`. */
async function measureAll(seconds: number, progress: (text: string) => void): Promise<Map<string, Measured>> {
  const started = Date.now();
  const sink = await Sink.open();
  const payload = new Payload(16 * 1024 * 1024);
  const series = measurements(sink, payload);
  try {
    await repeat(series, started + seconds * 200, 15, progress);
  } finally {
    sink.close();
    payload.close();
  }
  const served = serveSeries(700);
  await repeat(served, started + seconds * 1000, 5, progress);
  return new Map(
    [...series, ...served].filter((one) => one.values.length > 0).map((one) => [one.name, summarise(one.values)]),
  );
}

function printTable(constants: Partial<Record<ConstantId, Constant>>, path: string): void {
  const rows = Object.entries(constants).map(([id, one]) => [
    id,
    Number(one.value.toPrecision(4)).toString(),
    one.unit,
    one.conditions,
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const row of rows) {
    console.log(
      `${row[0]!.padEnd(widths[0]!)}  ${row[1]!.padStart(widths[1]!)} ${row[2]!.padEnd(widths[2]!)}  ${row[3]}`,
    );
  }
  console.log(`\nStored in ${path}. Loopback only: no DMA, no PCIe, no wire.\nNow: clearway plan --here`);
}

/** The command. Returns the exit status. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: 'string' },
      check: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const seconds = Number(values.seconds ?? 45);
  if (!(seconds >= 10 && seconds <= 55)) {
    throw new UsageError(`--seconds is a number from 10 to 55, not ${JSON.stringify(values.seconds)}`);
  }
  const started = Date.now();
  const progress = progressTo(process.stderr, started);
  if (!process.stderr.isTTY) console.error(`measuring this host for about ${seconds} s`);
  const measured = await measureAll(seconds, progress);
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  const { constants, inlineBytes } = fitProfile(measured, table);
  const profile = {
    title: `${cpus()[0]?.model ?? 'this processor'}, Linux ${release()}, loopback`,
    measuredAt: new Date().toISOString(),
    constants,
  };
  const path = storeHost(profile, { inlineBytes });
  if (values.json) process.stdout.write(`${JSON.stringify(profile, null, 2)}\n`);
  else printTable(constants, path);
  if (values.check) await check(progress);
  return 0;
}
