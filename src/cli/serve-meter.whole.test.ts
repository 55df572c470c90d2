// `clearway serve --meter`: the metrics say what the kernel copied for the server, exactly; where BPF is refused the
// server says so and serves.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { program as main } from '../../test/support/program.js';
import { refusing } from '../../test/support/refuse.js';
import { until, untilSaid } from '../../test/support/until.js';
import { meterSkip } from '../meter/support.test.js';

const size = 3_000_077;
const root = mkdtempSync(join(tmpdir(), 'clearway-serve-meter-'));
writeFileSync(join(root, 'large.bin'), Buffer.alloc(size, 7));
const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(root, { recursive: true });
});

/** Starts a server; gives its ready line, and what it said on stderr before. */
async function start(engine: string, refused: 'bpf'[] = []) {
  const args = [main, 'serve', root, '--port', '0', '--workers', '1', '--engine', engine];
  args.push('--meter', '--metrics', '127.0.0.1:0');
  const { command, args: all } =
    refused.length > 0 ? refusing(refused, process.execPath, args) : { command: process.execPath, args };
  const child = spawn(command, all, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [ready] = (await once(child.stdout, 'data')) as [Buffer];
  const [url = '', metrics = ''] = ready.toString().match(/http:\/\/[\d.:]+(?:\/metrics)?/g) ?? [];
  const stop = async () => {
    child.kill('SIGTERM');
    const [status] = (await once(child, 'exit')) as [number];
    running.delete(child);
    return status;
  };
  return { url, metrics: async () => (await fetch(metrics)).text(), said: () => said, stop };
}

function sample(text: string, name: string): number {
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  assert.ok(line !== undefined, `${name} is not in\n${text}`);
  return Number(line.slice(name.length));
}

for (const engine of ['epoll', 'auto']) {
  test(`a large file is moved by reference to the byte, engine ${engine}`, { skip: meterSkip }, async () => {
    const server = await start(engine);
    assert.equal(server.said(), '');
    const before = await server.metrics();
    assert.equal((await (await fetch(`${server.url}/large.bin`)).arrayBuffer()).byteLength, size);
    const spliced = 'clearway_meter_referenced_bytes_total{cause="spliced"}';
    let text = '';
    // A call is counted when it ends, which is after its bytes have come.
    await until('the last of it is counted', async () => {
      text = await server.metrics();
      return sample(text, spliced) >= size;
    });
    assert.equal(sample(text, spliced), size);
    assert.equal(sample(before, spliced), 0);
    const sent = 'clearway_meter_payload_bytes_total{direction="sent"}';
    assert.ok(sample(text, sent) - sample(before, sent) >= size);
    assert.ok(
      sample(text, 'clearway_meter_amplification{direction="sent"}') < 0.05,
      'heads and metrics are copied, no more',
    );
    assert.ok(sample(text, 'clearway_copied_bytes_total{reason="encode"}') > 0, 'the user-space copies stand beside');
    assert.equal(await server.stop(), 0);
  });
}

test('where BPF is refused, it says so in one sentence and serves', {
  skip: process.platform !== 'linux' && 'needs Linux',
}, async () => {
  const server = await start('epoll', ['bpf']);
  await untilSaid(server.said, /^clearway serve: copies in the kernel are not metered: [^\n]+\.\n$/);
  assert.equal((await fetch(`${server.url}/large.bin`, { method: 'HEAD' })).status, 200);
  const text = await server.metrics();
  assert.ok(!text.includes('clearway_meter'));
  assert.ok(text.includes('clearway_copied_bytes_total'));
  assert.equal(await server.stop(), 0);
});
