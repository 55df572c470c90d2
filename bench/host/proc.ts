// What /proc says about a process tree and the machine, as numbers. Parsing is split from reading so that tests can give text.
// It is not a monitor: nothing here keeps state or a timer (see cpu.ts for differences over time).

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Nanoseconds of one clock tick of /proc/stat and /proc/PID/stat (USER_HZ is 100 on every Linux ABI). */
export const tickNs = 10_000_000;

/** The fields of /proc/PID/stat used here; CPU times in ticks of 10 ms. */
export interface ProcessStat {
  readonly name: string;
  readonly parentPid: number;
  readonly cpuTicks: number;
  /** The part of it in the kernel. */
  readonly systemTicks: number;
  readonly reapedChildrenCpuTicks: number;
}

/** The fields of a line of /proc/PID/stat from the third on (state): field n is at n - 3. */
const fieldsOf = (line: string): string[] => line.slice(line.lastIndexOf(')') + 2).split(' ');

/**
 * Reads one line of /proc/PID/stat. The command name may contain spaces and parentheses, so fields are counted from the last `)`.
 * @throws when the line has no closing parenthesis. Source: proc_pid_stat(5).
 */
export function parseProcessStat(line: string): ProcessStat {
  const close = line.lastIndexOf(')');
  if (close < 0) throw new Error(`not a line of /proc/PID/stat: ${line.slice(0, 40)}`);
  const fields = fieldsOf(line);
  // 4 ppid, 14 utime, 15 stime, 16 cutime, 17 cstime.
  return {
    name: line.slice(line.indexOf('(') + 1, close),
    parentPid: Number(fields[1]),
    cpuTicks: Number(fields[11]) + Number(fields[12]),
    systemTicks: Number(fields[12]),
    reapedChildrenCpuTicks: Number(fields[13]) + Number(fields[14]),
  };
}

/** CPU time of all processors together since boot, in ticks of 10 ms. */
export interface MachineStat {
  readonly totalTicks: number;
  readonly notIdleTicks: number;
  /** Taken by the hypervisor for other machines. */
  readonly stolenTicks: number;
  readonly processors: number;
}

/**
 * Reads /proc/stat. Not idle is user, nice, system, irq and softirq; idle, iowait and steal are not this machine's work
 * (guest time is already within user). Source: proc_stat(5).
 */
export function parseMachineStat(text: string): MachineStat {
  const lines = text.split('\n');
  const values = (lines[0] ?? '').trim().split(/\s+/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = values;
  const notIdleTicks = user + nice + system + irq + softirq;
  const processors = lines.filter((line) => /^cpu\d/.test(line)).length;
  return { totalTicks: notIdleTicks + idle + iowait + steal, notIdleTicks, stolenTicks: steal, processors };
}

/** The first field of /proc/PID/task/TID/schedstat: nanoseconds this thread has run. */
export function parseScheduledNs(text: string): number {
  const value = Number(text.split(' ')[0]);
  return Number.isFinite(value) ? value : 0;
}

/** The second field of the same: nanoseconds that this thread could have run and waited for a processor. */
export function parseWaitedNs(text: string): number {
  const value = Number(text.split(' ')[1]);
  return Number.isFinite(value) ? value : 0;
}

/** A `Name:  N kB` line of /proc/PID/status or smaps_rollup, in bytes; undefined when the file has no such line. */
export function parseKilobyteField(text: string, name: string): number | undefined {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text);
  return match ? Number(match[1]) * 1024 : undefined;
}

/** A list of processors as the kernel writes it: `0-2,5` is 0, 1, 2, 5. */
export function parseCpuList(text: string): number[] {
  const list: number[] = [];
  for (const part of text.trim().split(',')) {
    const [first = Number.NaN, last = first] = part.split('-').map(Number);
    for (let cpu = first; cpu <= last; cpu++) list.push(cpu);
  }
  return list;
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return otherwise; // the process or thread has just gone: it no longer counts
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // the process has just gone
  }
}

/** Reads /proc/PID/stat; undefined when the process is gone. */
export function readProcessStat(pid: number | 'self'): ProcessStat | undefined {
  const line = readOr(`/proc/${pid}/stat`, '');
  return line === '' ? undefined : parseProcessStat(line);
}

/** Reads /proc/stat. */
export function readMachineStat(): MachineStat {
  return parseMachineStat(readFileSync('/proc/stat', 'latin1'));
}

/** `pid` and all its living descendants. */
export function processTree(pid: number): number[] {
  const childrenOf = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = readProcessStat(Number(name))?.parentPid;
    if (parent === undefined) continue;
    const siblings = childrenOf.get(parent);
    if (siblings) siblings.push(Number(name));
    else childrenOf.set(parent, [Number(name)]);
  }
  const tree = [pid];
  for (let index = 0; index < tree.length; index++) tree.push(...(childrenOf.get(tree[index]!) ?? []));
  return tree;
}

/** Nanoseconds that each thread of a process has run, by thread id. Empty when the process is gone. */
export function scheduledNsByThread(pid: number): Map<number, number> {
  const byThread = new Map<number, number>();
  for (const name of namesIn(`/proc/${pid}/task`)) {
    byThread.set(Number(name), parseScheduledNs(readOr(`/proc/${pid}/task/${name}/schedstat`, '0')));
  }
  return byThread;
}

/** Nanoseconds that each thread of a process waited for a processor, by thread id. Empty when the process is gone. */
export function waitedNsByThread(pid: number): Map<number, number> {
  const byThread = new Map<number, number>();
  for (const name of namesIn(`/proc/${pid}/task`)) {
    byThread.set(Number(name), parseWaitedNs(readOr(`/proc/${pid}/task/${name}/schedstat`, '0')));
  }
  return byThread;
}

/** Threads of a process tree that have SCHED_FIFO. Source: proc_pid_stat(5), field 41. */
export function fifoThreads(pid: number): number {
  const lines = processTree(pid).flatMap((member) =>
    namesIn(`/proc/${member}/task`).map((name) => readOr(`/proc/${member}/task/${name}/stat`, '')),
  );
  return lines.filter((line) => fieldsOf(line)[38] === '1').length;
}

/** Resident and proportional memory of a process tree in bytes; proportional (PSS) counts a shared page once over its users. */
export function memoryOf(pid: number): { rssBytes: number; pssBytes: number } {
  let rssBytes = 0;
  let pssBytes = 0;
  for (const member of processTree(pid)) {
    const text = readOr(`/proc/${member}/smaps_rollup`, '');
    rssBytes += parseKilobyteField(text, 'Rss') ?? 0;
    pssBytes += parseKilobyteField(text, 'Pss') ?? 0;
  }
  return { rssBytes, pssBytes };
}

/** What each open descriptor of a process tree refers to, as /proc/PID/fd shows it. */
export function descriptorTargets(pid: number): string[] {
  const targets: string[] = [];
  for (const member of processTree(pid)) {
    for (const name of namesIn(`/proc/${member}/fd`)) {
      try {
        targets.push(readlinkSync(`/proc/${member}/fd/${name}`));
      } catch {
        // closed since the directory was read
      }
    }
  }
  return targets;
}

/** The processors this process may run on. */
export function allowedCpus(): number[] {
  const match = /^Cpus_allowed_list:\s*(\S+)/m.exec(readOr('/proc/self/status', ''));
  return match ? parseCpuList(match[1]!) : [0];
}
