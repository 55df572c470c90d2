// Network namespaces of the benchmark's own, joined by pairs of devices: straight, or with a process between them that spoils packets (test/support/wire-relay.ts). Their
// names begin with `bypass-bench-`; they are removed whatever happens.

import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { inNetworkNamespace } from '../../src/kernel/namespace.js';
import { deviceLinkAddress } from '../../src/kernel/network-device.js';
import { removeStale, tool } from '../../src/lab/namespaces.js';
import type { Badness } from '../../test/support/bad-wire.js';
import type { RelayCounts, RelayPlan } from '../../test/support/wire-relay.js';
import { type Placing, startPinned } from '../host/child.js';

const relayProgram = fileURLToPath(new URL('../../test/support/wire-relay.js', import.meta.url));

/** The device's name at each end. */
export const device = 'eth';
/** The kernel's addresses, and our own TCP/IP's, at the two ends. */
export const addresses = {
  near: { kernel: '10.77.0.1', ours: '10.77.0.3', kernel6: 'fd77::1', ours6: 'fd77::3' },
  far: { kernel: '10.77.0.2', ours: '10.77.0.4', kernel6: 'fd77::2', ours6: 'fd77::4' },
} as const;
export type End = keyof typeof addresses;

const living = new Set<Wire>();
let made = 0;

function removeAll(): void {
  for (const wire of living) wire.removeNow();
}

/** See the file's head. */
export class Wire {
  readonly #names: Record<string, string> = {};
  #relay: ChildProcess | undefined;

  private constructor(names: readonly string[]) {
    if (made === 0) {
      removeStale();
      process.on('exit', removeAll);
    }
    living.add(this);
    const number = made++;
    for (const name of names) {
      this.#names[name] = `bypass-bench-${process.pid}-${number}-${name}`;
      tool('ip', 'netns', 'add', this.#names[name]!);
      this.#ip(name, 'link', 'set', 'lo', 'up');
    }
  }

  /** Two ends. @throws LabError where there are no namespaces */
  static straight(): Wire {
    const wire = new Wire(['near', 'far']);
    wire.#pair('near', 'far');
    wire.#setUp();
    return wire;
  }

  /** Two ends with a process between them. @param niceness of the process */
  static async relayed(badness: Badness, niceness: number): Promise<Wire> {
    const wire = new Wire(['near', 'far', 'left', 'right']);
    wire.#pair('near', 'left');
    wire.#pair('far', 'right');
    wire.#setUp();
    for (const end of ['near', 'far'] as const)
      tool('ip', 'netns', 'exec', wire.#names[end]!, 'ethtool', '-K', device, 'tx', 'off');
    const ends = ['left', 'right'].map((name) => ({ device, namespace: wire.path(name) }));
    const plan = { ends, badness } as unknown as RelayPlan;
    wire.#relay = fork(relayProgram, [JSON.stringify(plan)]);
    setPriority(wire.#relay.pid!, niceness);
    await once(wire.#relay, 'message');
    return wire;
  }

  #ip(name: string, ...args: readonly string[]): void {
    tool('ip', '-n', this.#names[name]!, ...args);
  }

  #pair(one: string, other: string): void {
    const ends = ['name', device, 'netns', this.#names[other]!];
    this.#ip(one, 'link', 'add', device, 'type', 'veth', 'peer', ...ends);
    for (const name of [one, other]) this.#ip(name, 'link', 'set', device, 'up');
  }

  #setUp(): void {
    for (const end of ['near', 'far'] as const) {
      this.#ip(end, 'address', 'add', `${addresses[end].kernel}/24`, 'dev', device);
      this.#ip(end, 'address', 'add', `${addresses[end].kernel6}/64`, 'dev', device, 'nodad');
    }
  }

  /** The path of a namespace. */
  path(name: string): string {
    return `/run/netns/${this.#names[name]}`;
  }

  /** The link address of an end's device, in words. */
  linkAddress(end: End): string {
    const bytes = inNetworkNamespace(this.path(end), () => deviceLinkAddress(device))!;
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
  }

  /** Starts a command at an end. */
  start(end: End, placing: Placing, command: string, args: readonly string[]): ChildProcess {
    return startPinned(placing, 'ip', ['netns', 'exec', this.#names[end]!, command, ...args]);
  }

  /** What the process between the ends did so far. */
  async counts(): Promise<RelayCounts> {
    this.#relay!.send('counts');
    const [counts] = (await once(this.#relay!, 'message')) as [RelayCounts];
    return counts;
  }

  removeNow(): void {
    living.delete(this);
    for (const name of Object.values(this.#names)) spawnSync('ip', ['netns', 'delete', name]);
  }

  /** Ends it. */
  async remove(): Promise<void> {
    if (this.#relay?.exitCode === null) {
      this.#relay.disconnect();
      await once(this.#relay, 'exit');
    }
    this.removeNow();
  }
}
