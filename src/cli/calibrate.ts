// `clearway calibrate`: measures this host in under a minute, says what it measures while it does, and stores a profile that plan (`--here`)
// and serve use. The measurements are in calibrate-measure.ts and calibrate-serve.ts; what they mean for the model is here.

import { cpus, release } from 'node:os';
import { type Constant, type ConstantId, constants as table } from '../journey/constants.js';
import { check, checkedPoints, checkTable, driftWords } from './calibrate-check.js';
import { fitProfile } from './calibrate-fit.js';
import { servedConnections, serveSizes } from './calibrate-fit-serve.js';
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
import { type Drift, driftOf, repeat, type Series, summarise } from './calibrate-rounds.js';
import { hasUring, type ServedPoint, ServeRig } from './calibrate-serve.js';
import type { Measured } from './calibrate-solve.js';
import { parseFlags } from './flags.js';
import { storeHost } from './host-profile.js';
import { dressed } from './terminal.js';
import { UsageError } from './usage.js';

export const summary = 'measure this host: plan --here and serve use what it finds';

const help = `Usage: clearway calibrate [--seconds N] [--check] [--json]

Measures what a system call, a copied byte (in the cache and not), a page by reference, a send, a sendfile, a datagram, a
wake-up and the notification of SEND_ZC cost on this host, and what a request costs clearway serve. Traffic stays on
loopback, so nothing is said of DMA, PCIe or a wire. Takes under a minute; the quieter the host, the narrower the
intervals; where they stay wide it says so. The profile goes to $XDG_CONFIG_HOME/clearway/profile.json (else ~/.config).

  --seconds N   time to spend, 10 to 55 (40)
  --check       measure serve, in the same rounds, also at sizes and connections that the profile is not made of, and compare
                them with what plan --here predicts (half a minute more)
  --json        print the profile, and with --check the comparison, as JSON and nothing else
`;

/** Sizes of the sends from which the cost of a call and of a byte are solved. */
export const sendSizes = [4096, 65_536, 262_144, 1_048_576];

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

/** Time of one measurement of serve, and rounds of them at most. */
const serveForMs = 60;
const serveRounds = 60;

interface NamedPoint {
  name: string;
  title: string;
  point: ServedPoint;
}

/** The points of serve that the constants are solved from. */
export function servedPoints(uring: boolean): NamedPoint[] {
  const engine = uring ? 'uring' : 'epoll';
  const points: NamedPoint[] = [];
  for (const way of ['inline', 'sendfile'] as const) {
    const words = way === 'inline' ? 'from memory' : 'by sendfile';
    for (const bytes of serveSizes) {
      points.push({
        name: `serve.${way}.${bytes}`,
        title: `serve, ${bytes / 1024} KiB ${words}`,
        point: { engine, way, bytes, connections: servedConnections },
      });
    }
  }
  points.push({
    name: 'serve.alone',
    title: 'serve, one connection',
    point: { engine, way: 'inline', bytes: 1024, connections: 1 },
  });
  if (uring) {
    points.push({
      name: 'serve.epoll',
      title: 'serve, 1 KiB by the epoll engine',
      point: { engine: 'epoll', way: 'inline', bytes: 1024, connections: servedConnections },
    });
  }
  return points;
}

/**
 * Series of points of serve, way by way and in the order of their sizes, so that a point that is checked is measured between those that predict
 * it. Two a point: processor nanoseconds a request, and (`wall`) nanoseconds by the clock between two answers.
 */
function serveSeries(rig: ServeRig, points: readonly NamedPoint[]): Series[] {
  const order = ({ point }: NamedPoint): number => point.bytes + (point.way === 'inline' ? 0 : 1e9);
  return [...points]
    .sort((a, b) => order(a) - order(b))
    .flatMap(({ name, title, point }): Series[] => {
      const wall: number[] = [];
      const once = async (): Promise<number> => {
        const cost = await rig.measure(point, serveForMs);
        wall.push(1e9 / cost.requestsPerSecond);
        return cost.nsPerRequest;
      };
      return [
        { name, title, once, values: [] },
        { name: `${name} wall`, title, once: () => wall.pop(), values: [] },
      ];
    });
}

function progressTo(stream: NodeJS.WriteStream, started: number): (text: string) => void {
  return (text) => {
    const seconds = ((Date.now() - started) / 1000).toFixed(0);
    if (stream.isTTY) stream.write(`\r\x1b[K${seconds} s  ${text}`);
  };
}

interface Everything {
  measured: Map<string, Measured>;
  checked: Map<string, Measured>;
  drift: Drift;
}

/** Measures everything within about `seconds`; with `checking`, the points that are only compared take part in the rounds of serve. */
async function measureAll(seconds: number, checking: boolean, progress: (text: string) => void): Promise<Everything> {
  const started = Date.now();
  const sink = await Sink.open();
  const payload = new Payload(16 * 1024 * 1024);
  const series = measurements(sink, payload);
  try {
    await repeat(series, started + seconds * 250, 15, progress);
  } finally {
    sink.close();
    payload.close();
  }
  const rig = new ServeRig();
  const uring = hasUring();
  const [solved, compared] = [servedPoints(uring), checking ? checkedPoints(uring) : []];
  const served = serveSeries(rig, [...solved, ...compared]);
  try {
    const until = started + (checking ? seconds + 25 : seconds) * 1000;
    await repeat(served, until, serveRounds, progress, true);
  } finally {
    await rig.close();
  }
  const summed = new Map<string, Measured>();
  for (const one of [...series, ...served]) if (one.values.length > 0) summed.set(one.name, summarise(one.values));
  const names = new Set(solved.map(({ name }) => name));
  const isMeasured = (name: string): boolean => names.has(name) || series.some((one) => one.name === name);
  const turnaround = summed.get('serve.alone wall');
  return {
    measured: new Map([
      ...[...summed].filter(([name]) => isMeasured(name)),
      ...(turnaround ? [['serve.turnaround', turnaround] as const] : []),
    ]),
    checked: new Map([...summed].filter(([name]) => !isMeasured(name))),
    drift: driftOf(served),
  };
}

/** Rounds below which nothing can be said of how far a figure is off. */
const fewRounds = 3;

/** What a reader must know before he trusts the profile: series that had too few rounds, or an interval wider than half of the figure. */
export function noise(measured: ReadonlyMap<string, Measured>): string | undefined {
  const few = [...measured].filter(([, one]) => one.rounds < fewRounds).map(([name]) => name);
  const wide = [...measured].filter(([, one]) => one.rounds >= fewRounds && one.high - one.low > 0.5 * one.typical);
  if (few.length + wide.length === 0) return undefined;
  const sentences = [wideSentence(wide, measured.size), fewSentence(few, measured.size)].filter((text) => text !== '');
  return `${sentences.join('\n')}\nWhat rests on them may be off by as much. Measure again when nothing else runs, or with --seconds 55.`;
}

function fewSentence(few: readonly string[], all: number): string {
  if (few.length === 0) return '';
  const names = few.length > 6 ? `${few.slice(0, 6).join(', ')}, ...` : few.join(', ');
  return `Time was short: ${few.length} of ${all} measurements had fewer than ${fewRounds} rounds, so nobody knows how far they are off (${names}).`;
}

function wideSentence(wide: [string, Measured][], all: number): string {
  if (wide.length === 0) return '';
  const names = wide
    .sort(([, a], [, b]) => (b.high - b.low) / b.typical - (a.high - a.low) / a.typical)
    .slice(0, 6)
    .map(
      ([name, one]) =>
        `${name} ${Math.round((one.low / one.typical - 1) * 100)} to +${Math.round((one.high / one.typical - 1) * 100)} %`,
    );
  return `This host is noisy: ${wide.length} of ${all} measurements are not known to within a quarter (${names.join(', ')}).`;
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
  const { values } = parseFlags('calibrate', args, {
    seconds: { type: 'string' },
    check: { type: 'boolean' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help) {
    process.stdout.write(dressed(help, process.stdout));
    return 0;
  }
  const seconds = Number(values.seconds ?? 40);
  if (!(seconds >= 10 && seconds <= 55)) {
    throw new UsageError(`--seconds is a number from 10 to 55, not ${JSON.stringify(values.seconds)}`);
  }
  const started = Date.now();
  const progress = progressTo(process.stderr, started);
  if (!process.stderr.isTTY) console.error(`measuring this host for about ${seconds} s`);
  const { measured, checked, drift } = await measureAll(seconds, values.check === true, progress);
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  const { constants, inlineBytes } = fitProfile(measured, table);
  const profile = {
    title: `${cpus()[0]?.model ?? 'this processor'}, Linux ${release()}, loopback`,
    measuredAt: new Date().toISOString(),
    constants,
  };
  const path = storeHost(profile, { inlineBytes });
  const warning = noise(measured);
  if (warning) console.error(`\n${warning}\n`);
  const checking = values.check ? check(checked, { ...profile, source: 'clearway calibrate' }, drift) : undefined;
  if (values.json) process.stdout.write(`${JSON.stringify({ ...profile, drift, check: checking }, null, 2)}\n`);
  else {
    printTable(constants, path);
    console.log(checking ? checkTable(checking) : driftWords(drift));
  }
  return 0;
}
