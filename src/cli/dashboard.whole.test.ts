// `clearway serve --dashboard`, `clearway meter --open` and `replay --open` as people run them: the address that is said
// works, figures come, and it all ends with a page still looking.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { program as main } from '../../test/support/program.js';
import { refusing } from '../../test/support/refuse.js';
import type { Frame, Hello } from '../dashboard/frame.js';
import { RecordingWriter } from '../meter/export/recording.js';
import { sampleReading } from '../meter/sample.test.js';
import { meterSkip } from '../meter/support.test.js';

const size = 2_000_003;
const root = mkdtempSync(join(tmpdir(), 'clearway-dashboard-'));
writeFileSync(join(root, 'large.bin'), Buffer.alloc(size, 7));
const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(root, { recursive: true });
});
const unbuilt =
  !existsSync(new URL('../dashboard/page/dashboard.html', import.meta.url)) && 'the page is not built: npm run build';
const linux = process.platform !== 'linux' && 'needs Linux';

/** Starts a command and waits until it has said where the dashboard is. */
async function start(args: string[], refused: 'bpf'[] = []) {
  // No desktop: a test opens no browser of whoever runs it.
  const { DISPLAY: _x, WAYLAND_DISPLAY: _wayland, ...env } = process.env;
  const line = [main, ...args];
  const all =
    refused.length > 0 ? refusing(refused, process.execPath, line) : { command: process.execPath, args: line };
  const child = spawn(all.command, all.args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  running.add(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  const deadline = performance.now() + 20_000;
  while (!/dashboard is at\nhttp\S+\n/.test(said)) {
    assert.ok(performance.now() < deadline && child.exitCode === null, said);
    await new Promise((wake) => setTimeout(wake, 10));
  }
  const url = /dashboard is at\n(http\S+)\n/.exec(said)![1]!;
  const stop = async () => {
    child.kill('SIGTERM');
    const [status] = (await once(child, 'close')) as [number];
    running.delete(child);
    return status;
  };
  return { url, said: () => said, stop };
}

/** Looks like a page does; gives every event to `take` until it says that this was enough. */
async function watch(url: string, take: (name: string, data: unknown) => boolean | undefined): Promise<void> {
  const response = await fetch(new URL('/events', url), { signal: AbortSignal.timeout(20_000) });
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const events = text.split('\n\n');
    text = events.pop()!;
    for (const event of events) {
      const [, name = '', data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
      if (take(name, JSON.parse(data)) === true) return;
    }
  }
  assert.fail('the events ended before what was waited for');
}

test('serve --dashboard shows what the kernel moved for the server, and ends while a page looks', {
  skip: unbuilt || meterSkip,
}, async () => {
  const server = await start(['serve', root, '--port', '0', '--workers', '1', '--dashboard']);
  const site = /^(http\S+)\nclearway serves /m.exec(server.said())![1]!;
  await (await fetch(`${site}/large.bin`)).arrayBuffer();
  let told = 0;
  await watch(server.url, (name, data) => {
    if (name === 'hello') assert.equal((data as Hello).refusal, null);
    const { start: sums, sockets, processCount, why } = data as Frame;
    if (sums?.counters.spliced !== size || why === null || ++told < 3) return false;
    assert.equal(sums.server!.requests, 1);
    assert.equal(processCount, 1, 'what is asked for the sentences is not the server’s doing');
    assert.ok(sockets!.some(({ local, sentByReference }) => site.endsWith(local) && sentByReference === size));
    return true;
  });
  let looks = () => {};
  const looking = new Promise<void>((resolve) => {
    looks = resolve;
  });
  const ended = watch(server.url, (name) => {
    looks();
    return name === 'bye';
  });
  await looking;
  assert.equal(await server.stop(), 0);
  await ended;
});

test('where BPF is refused the page says so, and shows what the server knows itself', {
  skip: unbuilt || linux,
}, async () => {
  const server = await start(['serve', root, '--port', '0', '--workers', '1', '--dashboard', '127.0.0.1:0'], ['bpf']);
  const site = /^(http\S+)\nclearway serves /m.exec(server.said())![1]!;
  await (await fetch(`${site}/large.bin`)).arrayBuffer();
  await watch(server.url, (name, data) => {
    if (name === 'hello') {
      assert.match((data as Hello).refusal!, /^copies in the kernel are not metered: .+\.$/);
      return false;
    }
    const { tier, start: sums } = data as Frame;
    assert.equal(tier, null);
    return sums.sent === size;
  });
  assert.equal(await server.stop(), 0);
});

test('meter --open shows a command, and ends with it', { skip: unbuilt || meterSkip }, async () => {
  const enough = join(root, 'enough');
  const untilEnough = `setInterval(() => { if (fs.existsSync('${enough}')) process.exit(); }, 20);`;
  const meter = await start(['meter', '--open', '--interval', '100ms', '--', process.execPath, '-e', untilEnough]);
  const names: string[] = [];
  let frames = 0;
  await watch(meter.url, (name) => {
    names.push(name);
    if (name === 'frame' && ++frames === 4) writeFileSync(enough, '');
    return name === 'bye';
  });
  assert.deepEqual([names[0], names.at(-1)], ['hello', 'bye']);
});

test('replay --open shows a recording, needs no rights, and stays until it is told to end', {
  skip: unbuilt,
}, async () => {
  const path = join(root, 'recording');
  const writer = new RecordingWriter(path, 'long ago', 0);
  for (const scale of [1, 2, 3]) writer.add(scale * 1000, sampleReading('nginx', scale));
  writer.close();
  const replay = await start(['meter', 'replay', path, '--open', '--speed', '10']);
  await watch(replay.url, (name, data) => {
    if (name === 'hello') assert.equal((data as Hello).subject, 'long ago');
    return (data as Frame).start?.sent === 18_000;
  });
  assert.equal(await replay.stop(), 0);
  assert.match(replay.said(), /Copies by the CPU: long ago, 3\.0 s/);
});

test('beyond loopback the address that is said has a token', { skip: unbuilt || linux }, async () => {
  const server = await start(['serve', root, '--port', '0', '--workers', '1', '--dashboard', '0.0.0.0:0']);
  const bare = new URL(server.url);
  assert.equal((await fetch(server.url)).status, 200);
  bare.search = '';
  assert.equal((await fetch(bare)).status, 401);
  assert.equal(await server.stop(), 0);
});
