// Back ends of network devices that are compared behind a tap: `clearway net` on both engines, and DPDK's testpmd with its vhost library and its tap
// (net_tap), each a process in a network namespace of its own, where packets end. Not here: who sends (tap-load.ts).

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onPath, type Placing, startPinned, stopChild } from '../host/child.js';
import { dpdkAbsence } from './dpdk.js';

/** The tap's name, in each namespace. */
const tapName = 'tap0';
const startTries = 500;

/** Who is measured. */
interface TapSubject {
  readonly name: string;
  command(socket: string, cpu: string): readonly string[];
  absence(): string | undefined;
}

/** The name of the one that others are compared with. */
export const tapReference = "DPDK's vhost and net_tap";

/** All of them. @param program the path of `clearway` */
export function tapSubjects(program: string): readonly TapSubject[] {
  const ours = (engine: 'epoll' | 'uring'): TapSubject => ({
    name: `clearway ${engine}`,
    absence: () => undefined,
    command: (socket) => [
      ...[process.execPath, program, 'net', '--socket', socket, '--tap', tapName],
      ...['--engine', engine],
    ],
  });
  const theirs: TapSubject = {
    name: tapReference,
    absence: dpdkAbsence,
    command: (socket, cpu) => [
      // Both of its threads on the processor that the others have: one only waits for words.
      ...['dpdk-testpmd', `--lcores=0@${cpu},1@${cpu}`, '--no-huge', '-m', '256', '--no-pci', '--no-telemetry'],
      ...[`--file-prefix=clearway-tap-${process.pid}`, '--vdev', `net_vhost0,iface=${socket},queues=1`],
      ...['--vdev', `net_tap0,iface=${tapName}`, '--', '--forward-mode=io', '--auto-start', '--total-num-mbufs=8192'],
    ],
  };
  return [ours('epoll'), ours('uring'), theirs];
}

/** Why nothing can be measured here. */
export function tapAbsence(): string | undefined {
  if (process.getuid?.() !== 0) return 'making a tap and a network namespace needs root';
  return onPath('ip') ? undefined : 'there is no ip: apt-get install iproute2';
}

/** One that runs. */
export interface RunningTap {
  readonly name: string;
  readonly socket: string;
  readonly pid: number;
  readonly namespace: string;
}

function ip(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Packets that came out of a tap so far. */
export function packetsOf(namespace: string): number {
  const [link] = JSON.parse(ip('-n', namespace, '-j', '-s', 'link', 'show', 'dev', tapName)) as [
    { readonly stats64: { readonly rx: { readonly packets: number } } },
  ];
  return link.stats64.rx.packets;
}

/** Starts one. @throws with what it said when it does not come to listen */
export async function startTap(
  subject: TapSubject,
  index: number,
  folder: string,
  placing: Placing,
): Promise<RunningTap & { stop(): Promise<void> }> {
  const namespace = `clearway-bench-${process.pid}-${index}`;
  const socket = join(folder, `tap${index}.sock`);
  ip('netns', 'add', namespace);
  const command = subject.command(socket, placing.cpus ?? '0');
  const child = startPinned(placing, 'ip', ['netns', 'exec', namespace, ...command]);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (said += text));
  const stop = async (): Promise<void> => {
    await stopChild(child);
    ip('netns', 'delete', namespace);
  };
  const isThere = (): boolean =>
    existsSync(socket) && spawnSync('ip', ['-n', namespace, 'link', 'show', 'dev', tapName]).status === 0;
  for (let tries = 0; !isThere(); tries++) {
    if (tries === startTries || child.exitCode !== null) {
      await stop();
      throw new Error(`${subject.name} does not listen: ${said.slice(-500)}`);
    }
    await sleep(20);
  }
  ip('-n', namespace, 'link', 'set', 'dev', tapName, 'up');
  return { name: subject.name, socket, pid: child.pid!, namespace, stop };
}
