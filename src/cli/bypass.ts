// `clearway bypass compare`: serves and asks through the kernel's sockets and through our own TCP/IP, and prints what each costs and gives up. Not here: the measurement
// (lab/compare/), and serving itself (`clearway serve --bypass`).

import { openSync, writeFileSync } from 'node:fs';
import { Comparison, removeStaleFolders, type Workload, workloads } from '../lab/compare/comparison.js';
import { compareJson, compareText, type Run } from '../lab/compare/report.js';
import { comparePage } from '../lab/compare/report-page.js';
import { LabError, removeStale } from '../lab/index.js';
import { fileTrouble } from '../text/file-trouble.js';
import { cleanly } from './kit/cleanly.js';
import { parseFlags } from './kit/flags.js';
import { dressed } from './kit/terminal.js';
import { nearest, UsageError } from './kit/usage.js';

const flags = {
  seconds: { type: 'string' },
  connections: { type: 'string' },
  'bypass-poll': { type: 'string' },
  workload: { type: 'string' },
  html: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const help = `Usage: clearway bypass compare [options]

Compares the two ways to serve on this machine: clearway serve over the kernel's sockets, and over Clearway's own TCP/IP (--bypass).
Each runs in namespaces of its own, on a veth pair; the same client asks both for files of 1 KiB and 64 KiB (or values of a store), one after the other.
Prints rate, latency, CPU, system calls, packets and copies of each, and what each gives up. Requires root and iproute2.

  --seconds N           load for each way, file and number of connections, in 3 rounds (3)
  --connections LIST    numbers of connections, with commas (1,32)
  --bypass-poll MICROSECONDS  time that our own TCP/IP looks for packets before sleeping (20)
  --workload LIST       what is asked: serve, files of clearway serve; kv, values (64 bytes, 4 KiB) of clearway kv;
                        serve,kv: one after the other (serve)
  --html FILE           write it as a page as well; nothing is overwritten
  --json                print it as one JSON object
  -h, --help            print this help

Exit status: 0; 2 for wrong use; 3 if the host refuses.
`;

const most = { seconds: 60, connections: 256, numbers: 4, pollUs: 100_000 } as const;

function between(flag: string, text: string, least: number, greatest: number): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= greatest) return value;
  throw new UsageError(`${flag} is ${JSON.stringify(text)}, and must be a number from ${least} to ${greatest}`);
}

function whole(flag: string, text: string, least: number, greatest: number): number {
  const value = between(flag, text, least, greatest);
  if (Number.isInteger(value)) return value;
  throw new UsageError(`${flag} is ${JSON.stringify(text)}, and must be a whole number`);
}

function connectionsOf(text: string): number[] {
  const parts = text.split(',');
  if (parts.length > most.numbers) throw new UsageError(`--connections takes at most ${most.numbers} numbers`);
  return parts.map((part) => whole('--connections', part, 1, most.connections));
}

function workloadsOf(text: string): readonly Workload[] {
  const named = text.split(',');
  const isFine = named.every((one) => workloads.includes(one as Workload)) && new Set(named).size === named.length;
  if (isFine) return named as Workload[];
  throw new UsageError(`--workload is ${JSON.stringify(text)}, and must be serve, kv or serve,kv`);
}

/** Runs the command. @returns the exit status. @throws UsageError */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseFlags('bypass', args, flags, 1);
  if (values.help === true) {
    process.stdout.write(dressed(help, process.stdout));
    return 0;
  }
  const [what] = positionals;
  if (what !== 'compare') {
    if (what === undefined) throw new UsageError('bypass takes what to do: clearway bypass compare');
    const fix = nearest(what, ['compare']) === undefined ? 'see clearway bypass --help' : 'did you mean compare?';
    throw new UsageError(`there is no ${JSON.stringify(what)}: ${fix}`);
  }
  const { seconds = '3', connections = '1,32', 'bypass-poll': poll, workload = 'serve', html } = values;
  const asked = workloadsOf(workload);
  const common = {
    seconds: between('--seconds', seconds, 0.3, most.seconds),
    connections: connectionsOf(connections),
    pollUs: poll === undefined ? undefined : whole('--bypass-poll', poll, 0, most.pollUs),
    progress: (words: string) => process.stderr.isTTY && process.stderr.write(`clearway bypass: ${words}\n`),
  };
  if (process.getuid?.() !== 0) return refuse('it makes network namespaces and devices: run it with sudo');
  const page = html === undefined ? undefined : openPage(html);
  removeStale();
  removeStaleFolders();
  const runs: Run[] = [];
  for (const each of asked) {
    const plan = { ...common, workload: each };
    const comparison = new Comparison();
    const status = await cleanly(
      () => comparison.close(),
      async () => {
        try {
          runs.push({ compared: await comparison.run(plan), plan });
          return 0;
        } catch (error) {
          if (!(error instanceof LabError)) throw error;
          return refuse(error.message);
        }
      },
    );
    if (status !== 0) return status;
  }
  if (page !== undefined) writeFileSync(page, comparePage(runs));
  process.stdout.write(values.json === true ? jsonOf(runs) : dressed(textOf(runs), process.stdout));
  return 0;
}

/** One object; several workloads are a list in it. */
function jsonOf(runs: readonly Run[]): string {
  const objects = runs.map(({ compared, plan }) => compareJson(compared, plan));
  return `${JSON.stringify(objects.length === 1 ? objects[0] : { compare: 'clearway', runs: objects }, null, 2)}\n`;
}

function textOf(runs: readonly Run[]): string {
  const texts = runs.map(({ compared, plan }) => compareText(compared, plan));
  return runs.length === 1
    ? texts[0]!
    : texts.map((text, index) => `clearway ${runs[index]!.plan.workload}\n${text}`).join('\n');
}

/** Opens the file of a page, which is not there yet: a wrong name is told of before half a minute has passed. @throws UsageError */
function openPage(path: string): number {
  try {
    return openSync(path, 'wx');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'it is there already' : fileTrouble(error);
    throw new UsageError(`--html ${path} cannot be written: ${why}`);
  }
}

function refuse(why: string): number {
  process.stderr.write(`clearway bypass: ${why}\n`);
  return 3;
}
