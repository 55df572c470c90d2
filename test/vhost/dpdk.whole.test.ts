// DPDK's virtio-user as the front end of `clearway net`: split and packed rings, in order, with merged buffers and without, its vectorized code, two pairs
// of queues, and as the one that listens; each is held to the code that DPDK says it takes. It sends packets that come back to it, and forwards what came back, for a moment: none may be lost.
// Not here: what is in packets (net.whole.test.ts).

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { isInstalled } from '../support/installed.js';
import { isLong } from '../support/long.js';
import { until, untilSaid } from '../support/until.js';
import { startDevices } from '../support/vhost-process.js';

const folder = mkdtempSync(join(tmpdir(), 'clearway-dpdk-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Why it cannot run here, or false. */
function refusal(): string | false {
  if (!isInstalled('dpdk-testpmd')) return 'needs dpdk-testpmd (Debian: dpdk-dev)';
  if (process.getuid!() !== 0) return 'DPDK keeps its files where root alone may write';
  return false;
}

/** What DPDK takes for packed rings where it is told to take vectorized code. */
const packedVectors = /\bavx512f\b/.test(readFileSync('/proc/cpuinfo', 'utf8')) ? 'vectorized' : 'standard';

/** DPDK's forwarder on one port. */
class TestPmd {
  readonly #child;
  readonly #ended: Promise<void>;
  #said = '';

  constructor(socket: string, options: string, pairs: number) {
    // Without huge pages, in one memory file, and away from any other that runs.
    const memory = ['--no-huge', '-m', '128', '--single-file-segments', '--no-pci', '--no-telemetry'];
    // Its code for packed rings is vectorized with words of 512 bits alone, which it takes only where it is told to.
    const vectors = ['--force-max-simd-bitwidth=512'];
    const device = `net_virtio_user0,path=${socket},queues=${pairs},${options}`;
    const own = [
      '-l',
      '0,1',
      ...memory,
      ...vectors,
      '--log-level=pmd.net.virtio.*:debug',
      `--file-prefix=clearway${process.pid}`,
      '--vdev',
      device,
    ];
    const queues = [`--rxq=${pairs}`, `--txq=${pairs}`];
    // What it says is wanted at once.
    this.#child = spawn('stdbuf', ['-oL', 'dpdk-testpmd', ...own, '--', '-i', '--total-num-mbufs=4096', ...queues]);
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream.on('data', (text) => (this.#said += text));
    this.#ended = new Promise((resolve) => this.#child.on('exit', () => resolve()));
    after(() => this.#child.kill('SIGKILL'));
  }

  /** Waits until it has said something. */
  async hears(words: RegExp): Promise<RegExpExecArray> {
    // It loads some three hundred libraries before it says a word.
    const isSaid = (): boolean => words.test(this.#said) || this.#child.exitCode !== null;
    await until(`${words}`, isSaid, 120_000).catch((error: Error) => {
      throw new Error(`${error.message}, but ${this.#said}`);
    });
    const found = words.exec(this.#said);
    assert.ok(found !== null, this.#said);
    return found;
  }

  tell(command: string): void {
    this.#child.stdin.write(`${command}\n`);
  }

  async end(): Promise<void> {
    this.tell('quit');
    await this.#ended;
  }
}

describe('DPDK virtio-user', { skip: refusal(), timeout: 480_000 }, () => {
  for (const [options, receive, transmit, pairs, isOneMore = false] of [
    // Each row with the code by which DPDK receives and sends in that way, in its own words. Code that another row has with the same rings is for the long run.
    ['packed_vq=0,in_order=0,mrg_rxbuf=0', 'standard', 'standard', 1],
    ['packed_vq=0,in_order=0,mrg_rxbuf=1', 'mergeable buffer', 'standard', 2],
    ['packed_vq=0,in_order=0,mrg_rxbuf=0,vectorized=1', 'vectorized', 'standard', 1],
    ['packed_vq=0,in_order=1,mrg_rxbuf=0', 'inorder', 'inorder', 2, true],
    ['packed_vq=0,in_order=1,mrg_rxbuf=1,server=1', 'inorder', 'inorder', 1],
    ['packed_vq=1,in_order=0,mrg_rxbuf=0', 'standard', 'standard', 1],
    ['packed_vq=1,in_order=0,mrg_rxbuf=1', 'mergeable buffer', 'standard', 2, true],
    ['packed_vq=1,in_order=1,mrg_rxbuf=0', 'standard', 'standard', 1, true],
    ['packed_vq=1,in_order=1,mrg_rxbuf=0,vectorized=1', packedVectors, packedVectors, 2],
    ['packed_vq=1,in_order=1,mrg_rxbuf=1,server=1', 'mergeable buffer', 'standard', 1],
  ] as const) {
    if (isOneMore && !isLong) continue;
    const name = `${options}, ${pairs === 1 ? 'a pair' : 'two pairs'}`;
    test(name, async () => {
      const socket = join(folder, `${name.replace(/\W+/g, '-')}.sock`);
      const listens = options.includes('server=1');
      const pmd = listens ? new TestPmd(socket, options, pairs) : undefined;
      await until('it listens', () => !listens || existsSync(socket));
      const place = listens ? ['--connect', socket] : ['--socket', socket];
      const own = ['--echo', '--memory', 'any', '--pairs', `${pairs}`, '--metrics', '127.0.0.1:0'];
      const net = await startDevices(['net', ...place, ...own], listens ? [] : [socket]);
      const forwarder = pmd ?? new TestPmd(socket, options, pairs);
      await forwarder.hears(/testpmd> /);
      for (const [direction, way] of [
        ['Rx', receive],
        ['Tx', transmit],
      ] as const) {
        const [, taken] = await forwarder.hears(new RegExp(`using (?:packed ring )?(.*) ${direction} path`));
        assert.equal(taken, way, `${direction}, what DPDK says it takes`);
      }
      await until('it is connected', () => net.said().includes('front end connected'));
      forwarder.tell('start tx_first 1');
      await forwarder.hears(/io packet forwarding/);
      const [url] = await untilSaid(net.said, /http:\S+/);
      const metrics = async (): Promise<string> => (await fetch(url)).text();
      const count = (text: string, direction: string): number =>
        Number(new RegExp(`^clearway_net_packets_total\\{.*direction="${direction}"\\} (\\d+)`, 'm').exec(text)![1]);
      await until('many went round', async () => count(await metrics(), 'sent') > 1000 * pairs);
      forwarder.tell('stop');
      const total = /all ports[\s\S]*?RX-packets: (\d+)\s[\s\S]*?TX-packets: (\d+)\s+TX-dropped: (\d+)/;
      const [, received, , dropped] = await forwarder.hears(total);
      assert.ok(Number(received) > 32 * pairs, 'what came back went round again');
      assert.equal(dropped, '0');
      const text = await metrics();
      assert.equal(count(text, 'received'), count(text, 'sent'), text);
      // What was under way at the stop comes back afterwards.
      assert.ok(count(text, 'sent') >= Number(received));
      assert.doesNotMatch(text, /^clearway_net_dropped_total\S* [1-9]/m);
      assert.doesNotMatch(text, /^clearway_virtio_faults_total\S* [1-9]/m);
      await forwarder.end();
      assert.equal(await net.end(), 0);
    });
  }
});
