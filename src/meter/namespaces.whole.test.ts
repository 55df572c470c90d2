// Across network namespaces: over a veth pair, and through a bridge between two. What the sender pinned is copied once
// on the way, in the receiver's namespace and in anyone's context, and billed to the sender in the sender's.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { createMeter } from './meter.js';
import {
  assertExact,
  countersOf,
  fileThere,
  finish,
  meterSkip,
  type Run,
  temporary,
  workloadProgram,
} from './support.test.js';

const hasIp = spawnSync('ip', ['-V']).status === 0;
const skip = meterSkip || (!hasIp && 'needs the ip command (iproute2)');

function ip(...args: string[]): void {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
  assert.equal(status, 0, `ip ${args.join(' ')}: ${stderr}`);
}

/** Namespaces of this test's own: `left` and `right` with an address each, joined directly or by a bridge in `middle`. */
function makeNamespaces(bridged: boolean): { left: string; right: string; remove: () => void } {
  const names = ['left', 'right', 'middle'].map((name) => `clearway-${process.pid}-${name}`) as [
    string,
    string,
    string,
  ];
  const [left, right, middle] = names;
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
  ip('-n', left, 'address', 'add', '10.99.0.1/24', 'dev', 'eth');
  ip('-n', right, 'address', 'add', '10.99.0.2/24', 'dev', 'eth');
  for (const name of [left, right]) ip('-n', name, 'link', 'set', 'eth', 'up');
  return { left, right, remove: () => names.forEach((name) => void spawnSync('ip', ['netns', 'delete', name])) };
}

function startIn(namespace: string, name: string, mark: string, portFile: string): Run {
  const result = temporary(`${name}-${mark}.json`);
  const command = ['netns', 'exec', namespace, process.execPath, workloadProgram, name, result, portFile];
  const env = { ...process.env, WORKLOAD_HOST: '10.99.0.2' };
  return { child: spawn('ip', command, { stdio: ['ignore', 'ignore', 'inherit'], env }), result };
}

for (const [mark, bridged] of [
  ['veth', false],
  ['bridge', true],
] as const) {
  test(`zero-copy and sendfile over ${mark}: exact, and billed where they belong`, { skip }, async (context) => {
    const { left, right, remove } = makeNamespaces(bridged);
    const meter = createMeter();
    try {
      for (const way of ['zerocopy', 'sendfile']) {
        const portFile = temporary(`port-${mark}-${way}`);
        const receiver = startIn(right, 'receiver', `${mark}-${way}`, portFile);
        await fileThere(portFile);
        const sender = startIn(left, `sender-${way}`, mark, portFile);
        const [received, sent] = await Promise.all([finish(receiver), finish(sender)]);
        const reading = meter.read();
        const counted = countersOf(reading, sender.child.pid);
        assertExact(counted, sent, `${way} sender`);
        assertExact(countersOf(reading, receiver.child.pid), received, `${way} receiver`);
        // Once, and again only for what was retransmitted.
        if (sent.pinned !== undefined) {
          context.diagnostic(`pinned ${sent.pinned}, reverted ${counted.reverted}`);
          assert.ok((counted.reverted ?? 0) < sent.pinned * 1.5, `reverted ${counted.reverted}`);
        }
        const rows = reading.rows.filter((row) => row.processId === sender.child.pid);
        const namespace = statSync(`/var/run/netns/${left}`).ino;
        assert.ok(rows.every((row) => row.networkNamespace === namespace));
      }
    } finally {
      meter.close();
      remove();
    }
  });
}

const talksToItself = `
const { createServer, connect } = require('node:net');
const server = createServer((peer) => {
  let received = 0;
  peer.on('data', (chunk) => { if ((received += chunk.length) === 54321) process.stdout.write('sent'); });
}).listen(0, '127.0.0.1', () => connect(server.address().port, '127.0.0.1').write(Buffer.alloc(54321)));
process.stdin.on('end', () => process.exit(0)).resume();
`;

test('sockets of another namespace are listed, named as they are there', { skip }, async () => {
  const meter = createMeter({ sockets: true });
  const enter = ['--net', 'sh', '-c', 'ip link set lo up && exec "$0" -e "$1"', process.execPath, talksToItself];
  const child = spawn('unshare', enter, { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const said = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
    assert.equal(String(said[0]), 'sent');
    const namespace = statSync(`/proc/${child.pid}/ns/net`).ino;
    assert.notEqual(namespace, statSync('/proc/self/ns/net').ino);
    const rows = meter.sockets().filter(({ protocol, processId }) => protocol === 'tcp' && processId === child.pid);
    const [first, second] = rows;
    assert.equal(rows.length, 2);
    assert.deepEqual(
      rows.map((row) => row.networkNamespace),
      [namespace, namespace],
    );
    assert.deepEqual([first!.local, first!.remote], [second!.remote, second!.local]);
    assert.deepEqual(
      rows.map((row) => row.sentCopied + row.received),
      [54_321, 54_321],
    );
  } finally {
    child.stdin.end();
    if (child.exitCode === null) await once(child, 'exit');
    meter.close();
  }
});
