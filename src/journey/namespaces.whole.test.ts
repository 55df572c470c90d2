// Across network namespaces: over a veth pair with its offloads, through a bridge between two, and past a firewall that loses
// packets.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { meterSkip } from '../meter/support.test.js';
import { assertWhole, exchange, messagesOf } from './support.test.js';
import { traceJourneys } from './tracer.js';

const has = (program: string, ...args: string[]) => spawnSync(program, args).status === 0;
const skip = meterSkip || (!has('ip', '-V') && 'needs the ip command (iproute2)');

function tool(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${stderr}`);
}
const ip = (...args: string[]) => tool('ip', ...args);

/** Two namespaces with an address each, joined by a veth pair, or by a bridge in a third. */
async function between(bridged: boolean, use: (left: string, right: string) => Promise<void>): Promise<void> {
  const names = ['left', 'right', 'middle'].map((name) => `clearway-journey-${process.pid}-${name}`);
  const [left = '', right = '', middle = ''] = names;
  try {
    for (const name of names) ip('netns', 'add', name);
    if (bridged) {
      ip('-n', middle, 'link', 'add', 'bridge', 'type', 'bridge');
      for (const [name, port] of [
        [left, 'to-left'],
        [right, 'to-right'],
      ] as const) {
        ip('-n', name, 'link', 'add', 'eth', 'type', 'veth', 'peer', 'name', port, 'netns', middle);
        ip('-n', middle, 'link', 'set', port, 'master', 'bridge', 'up');
      }
      ip('-n', middle, 'link', 'set', 'bridge', 'up');
    } else ip('-n', left, 'link', 'add', 'eth', 'type', 'veth', 'peer', 'name', 'eth', 'netns', right);
    ip('-n', left, 'address', 'add', '10.98.0.1/24', 'dev', 'eth');
    ip('-n', right, 'address', 'add', '10.98.0.2/24', 'dev', 'eth');
    for (const name of [left, right]) ip('-n', name, 'link', 'set', 'eth', 'up');
    await use(left, right);
  } finally {
    for (const name of names) spawnSync('ip', ['netns', 'delete', name]);
  }
}

const inside = (left: string, right: string) => ({
  host: '10.98.0.2',
  inSender: ['ip', 'netns', 'exec', left],
  inReceiver: ['ip', 'netns', 'exec', right],
});

const sizes = [1, 1000, 5000, 60_000, 300_000, 20];

for (const bridged of [false, true]) {
  test(bridged ? 'through a bridge between two' : 'over a veth pair', { skip }, () =>
    between(bridged, async (left, right) => {
      const tracer = traceJourneys({ connection: '10.98.0.2' });
      try {
        const run = await exchange(sizes, inside(left, right));
        tracer.close();
        const journeys = messagesOf(tracer, run);
        assert.deepEqual(
          journeys.map(({ bytes }) => bytes),
          sizes,
        );
        journeys.forEach((journey, k) => {
          assertWhole(journey);
          assert.equal(journey.outcome, 'read');
          assert.deepEqual([journey.sender?.process, journey.reader?.process], [run.sender, run.receiver]);
          assert.ok(run.sent[k]!.beforeNs <= journey.path[0]!.timeNs);
          assert.ok(journey.path.at(-1)!.timeNs <= run.received[k]!.afterNs);
          assert.equal(journey.path.find(({ point }) => point === 'deviceQueue')?.device, 'eth');
          assert.equal(journey.path.find(({ point }) => point === 'receive')?.device, 'eth', 'the last reception');
          assert.ok(bridged ? journey.receptions > 1 : journey.receptions === 1 || journey.retransmissions > 0);
        });
        assert.deepEqual(tracer.read().lost, []);
      } finally {
        tracer.close();
      }
    }),
  );
}

const skipLoss = skip || (!has('nft', '--version') && 'needs the nft command (nftables)');

test('what a firewall drops is sent again: the journey is that of the packet that arrived', { skip: skipLoss }, () =>
  between(false, async (left, right) => {
    const nft = (rule: string) => tool('ip', 'netns', 'exec', right, 'nft', rule);
    nft('add table ip loss');
    nft('add chain ip loss input { type filter hook input priority 0 ; }');
    nft('add rule ip loss input meta l4proto tcp ip length 500-1500 numgen inc mod 3 == 0 drop');
    const tracer = traceJourneys({ connection: '10.98.0.2' });
    try {
      const lossy = [600, 601, 602, 603];
      const run = await exchange(lossy, inside(left, right));
      tracer.close();
      const journeys = messagesOf(tracer, run);
      assert.deepEqual(
        journeys.map(({ bytes }) => bytes),
        lossy,
      );
      for (const journey of journeys) assertWhole(journey);
      const again = journeys.filter(({ retransmissions }) => retransmissions > 0);
      assert.ok(again.length >= 1);
      for (const { path, stages, receptions } of again) {
        assert.ok(receptions > 1, 'the lost one came as far as the device');
        const recovery = stages.find(({ to }) => to === 'sentAgain');
        assert.ok(recovery !== undefined, path.map(({ point }) => point).join(' '));
        // Of a segment that is alone TCP waits for 200 ms at least (TCP_RTO_MIN, the tail loss probe likewise).
        assert.ok(recovery.durationNs > 100e6, `it was sent again after ${recovery.durationNs} ns`);
      }
    } finally {
      tracer.close();
    }
  }),
);
