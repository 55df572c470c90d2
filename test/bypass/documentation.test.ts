// The example of docs/bypass.md runs as it stands there: an application with servers for HTTP and datagrams, asked by clients of the kernel's from another namespace.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { enterNetworkNamespace } from '../../src/kernel/namespace.js';
import { addresses, device, makePair } from '../../src/lab/namespaces.js';
import { repositoryRoot } from '../../tools/tidy.js';
import { until } from '../support/until.js';
import { bypassRefused } from '../support/veth-pairs.js';

const text = readFileSync(join(repositoryRoot, 'docs/bypass.md'), 'utf8');

test('the example for applications', { skip: bypassRefused() }, async () => {
  const [, code] = /```js\n(import[^`]*openBypass[^`]*)```/.exec(text)!;
  // Within the repository, so that `clearway/bypass` is this package.
  const file = join(repositoryRoot, `dist/example-${process.pid}.mjs`);
  writeFileSync(file, code!);
  const pair = makePair();
  const child = pair.within('right', () => spawn(process.execPath, [file, device], { stdio: 'pipe' }));
  try {
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (said += String(part)));
    await until('it listens', () => said.includes(`http ${addresses.right}\n`) || child.exitCode !== null);
    enterNetworkNamespace(pair.path('left'));
    assert.equal(await (await fetch(`http://${addresses.right}:8080/`)).text(), 'hello\n', said);
    const peer = createSocket('udp4');
    const answered = once(peer, 'message');
    peer.send('back to me', 7, addresses.right);
    assert.equal(String((await answered)[0]), 'back to me');
    peer.close();
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null], said);
  } finally {
    child.kill('SIGKILL');
    rmSync(file);
    pair.remove();
  }
});
