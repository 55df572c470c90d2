// Our own TCP/IP and the kernel's, joined by a bad wire: two pairs of devices in a network namespace that this process has for itself, and a process between them that
// loses, doubles, delays and spoils packets (wire-relay.ts). For tests alone.

import assert from 'node:assert/strict';
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Badness } from './bad-wire.js';
import { bypassRefused, enterOwnNetwork, ip } from './veth-pairs.js';
import type { RelayCounts, RelayPlan } from './wire-relay.js';

let made = 0;

const program = fileURLToPath(new URL('./wire-relay.js', import.meta.url));
const toolPaths = ['/usr/sbin/ethtool', '/sbin/ethtool', '/usr/bin/ethtool'];

/** Why there is none here; false where there is. */
export function relayRefused(): string | false {
  return bypassRefused() || (toolPaths.some((path) => existsSync(path)) ? false : 'there is no ethtool');
}

/** Has the kernel make whole checksums and single packets on a device, as it would for a card that can do neither. */
export function makeWholeChecksums(device: string): void {
  const { status, stderr } = spawnSync('ethtool', ['-K', device, 'tx', 'off'], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

/** See the file's head. */
export class RelayedPair {
  readonly device: string;
  /** Our own addresses, with their networks, and the kernel's at the other end. */
  readonly addresses: readonly [string, string];
  readonly hosts: readonly [string, string];
  readonly peerHosts: readonly [string, string];
  readonly #relay: ChildProcess;
  readonly #devices: readonly string[];

  private constructor(badness: Badness) {
    enterOwnNetwork();
    const number = made++;
    const [device, toDevice, toPeer, peer] = ['bad', 'badrelay', 'farrelay', 'far'].map((name) => `${name}${number}`);
    this.device = device!;
    this.#devices = [device!, peer!];
    ip('link', 'add', device!, 'type', 'veth', 'peer', 'name', toDevice!);
    ip('link', 'add', peer!, 'type', 'veth', 'peer', 'name', toPeer!);
    const [four, six] = [`10.88.${number}`, `fd88:${number}`];
    ip('address', 'add', `${four}.1/24`, 'dev', peer!);
    ip('address', 'add', `${six}::1/64`, 'dev', peer!, 'nodad');
    for (const each of [device!, toDevice!, toPeer!, peer!]) ip('link', 'set', each, 'up');
    makeWholeChecksums(peer!);
    this.addresses = [`${four}.2/24`, `${six}::2/64`];
    this.hosts = [`${four}.2`, `${six}::2`];
    this.peerHosts = [`${four}.1`, `${six}::1`];
    const plan: RelayPlan = { ends: [{ device: toDevice! }, { device: toPeer! }], badness };
    this.#relay = fork(program, [JSON.stringify(plan)]);
  }

  /** Makes one, and waits until its wire works. */
  static async make(badness: Badness): Promise<RelayedPair> {
    const pair = new RelayedPair(badness);
    const [word] = (await once(pair.#relay, 'message')) as [unknown];
    assert.equal(word, 'ready');
    return pair;
  }

  /** What the wire did so far. */
  async counts(): Promise<RelayCounts> {
    this.#relay.send('counts');
    const [counts] = (await once(this.#relay, 'message')) as [RelayCounts];
    return counts;
  }

  /** Ends it; its devices go. */
  async remove(): Promise<void> {
    if (this.#relay.exitCode === null) {
      this.#relay.disconnect();
      await once(this.#relay, 'exit');
    }
    for (const device of this.#devices) spawnSync('ip', ['link', 'delete', device]);
  }
}
