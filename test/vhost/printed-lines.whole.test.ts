// The lines for QEMU that `clearway disk` and `clearway net` print, given to a shell and QEMU as they stand, but for the size of the memory: QEMU's firmware,
// which drives both devices when it looks for something to start, runs their queues. Guests of their own: test/vm/.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { isInstalled } from '../support/installed.js';
import { until } from '../support/until.js';
import { startDevices } from '../support/vhost-process.js';

const folder = mkdtempSync(join(tmpdir(), 'clearway-lines-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Why it cannot run here, or false. */
function refusal(): string | false {
  if (!isInstalled('qemu-system-x86_64')) return 'needs qemu-system-x86_64 (Debian: qemu-system-x86)';
  return process.arch === 'x64' ? false : 'the machine is an x86-64 one';
}

/** Options of QEMU in what a command said. */
function printedLines(said: string): string {
  const lines = said.split('\n').filter((line) => /^ {2}-/.test(line));
  assert.ok(lines.length >= 2, said);
  return lines.join(' ').replaceAll('SIZE', '64M');
}

describe('printed lines', { skip: refusal(), timeout: 240_000 }, () => {
  const image = join(folder, 'an, image.raw');
  writeFileSync(image, '');
  truncateSync(image, 1024 * 1024);
  for (const [name, args] of [
    ['disk, at a path that needs quotes', ['disk', image, '--socket', join(folder, '1, a disk.sock')]],
    ['disk, for one queue', ['disk', image, '--socket', join(folder, 'disk.sock'), '--queues', '1', '--readonly']],
    ['disk, which connects', ['disk', image, '--connect', join(folder, 'connect.sock')]],
    ['net', ['net', '--echo', '--socket', join(folder, 'net.sock')]],
    ['net, two pairs', ['net', '--echo', '--pairs', '2', '--socket', join(folder, 'pairs.sock')]],
  ] as const) {
    test(name, async () => {
      const devices = await startDevices(
        args,
        args.filter((_, index) => args[index - 1] === '--socket'),
      );
      await until('the lines are said', () => /^ {2}.*-device /m.test(devices.said()));
      const own = '-accel tcg -m 64M -display none -serial none -monitor none';
      // The shell becomes QEMU, so that it can be ended.
      const line = `exec qemu-system-x86_64 ${own} ${printedLines(devices.said())}`;
      const machine = spawn('sh', ['-c', line], { stdio: ['ignore', 'pipe', 'pipe'] });
      const gone = new Promise((resolve) => machine.once('exit', resolve));
      after(() => machine.kill('SIGKILL'));
      let complaint = '';
      for (const stream of [machine.stdout, machine.stderr]) stream.on('data', (text) => (complaint += text));
      await until(
        `its queues run: ${line}`,
        () => /the guest runs queues of .*; 64 MiB of memory/.test(devices.said()) || machine.exitCode !== null,
      );
      assert.match(devices.said(), /the guest runs queues/, complaint);
      // One that listens says so.
      assert.equal(complaint.replace(/^.*info: QEMU waiting for connection on: .*\n/, ''), '');
      machine.kill('SIGKILL');
      await gone;
      await until('it has gone', () => devices.said().includes('the front end has gone'));
      assert.equal(await devices.end(), 0, devices.said());
    });
  }
});
