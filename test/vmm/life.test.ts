// Every way in which a guest, its thread or its process ends: within a second, with the right status, and nothing is left. Real processes on /dev/kvm.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { program } from '../support/program.js';
import { guestsRefused, imageOf } from './support.js';

interface Ended {
  readonly status: number | string;
  readonly said: string;
  /** From the signal, or from when it was ready, to the end. */
  readonly ms: number;
}

/** Starts a process; when it is ready a signal is sent, if one is. */
function runProcess(args: readonly string[], signal?: NodeJS.Signals): Promise<Ended> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let sinceMs = performance.now();
  let isReady = false;
  const hear = (text: string): void => {
    said += text;
    if (isReady || !/ready|probe: begun/.test(said)) return;
    isReady = true;
    sinceMs = performance.now();
    // A moment later, so that it is within the guest.
    if (signal !== undefined) setTimeout(() => void child.kill(signal), 50);
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', hear);
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
  return new Promise((resolve) =>
    child.on('close', (code, killed) => {
      clearTimeout(timer);
      resolve({ status: code ?? killed!, said, ms: performance.now() - sinceMs });
    }),
  );
}

const vm = (deed: string, signal?: NodeJS.Signals): Promise<Ended> =>
  // With a door, so that there is a device.
  runProcess([program, 'vm', imageOf('probe'), '--memory', '16', '--port', '0', '--', `do=${deed}`], signal);

/** A second, and what the machine's other work takes. */
const mostMs = 3000;

describe('how a guest ends', { skip: guestsRefused(), timeout: 120_000 }, () => {
  test('by itself: with its own status', async () => {
    const { status, ms } = await vm('1');
    assert.equal(status, 7);
    assert.ok(ms < mostMs, `${ms} ms`);
  });

  for (const [deed, what, words] of [
    [
      '3',
      'a write beyond linear memory',
      /page fault at 0x[0-9a-f]+, writing 0x[0-9a-f]+ \(outside of linear memory\)/,
    ],
    ['4', 'a write near address 0', /page fault.*outside of linear memory/],
    ['5', 'a failed check', /stopped by the program itself: a failed check/],
    ['6', 'a stack without end', /page fault/],
    ['8', 'a register of no device', /page fault/],
  ] as const) {
    test(`${what} is a trap: said, with a status`, async () => {
      const { status, said, ms } = await vm(deed);
      assert.equal(status, 126, said);
      assert.match(said, words);
      assert.ok(ms < mostMs, `${ms} ms`);
    });
  }

  for (const [deed, what] of [
    ['0', 'rests'],
    ['2 late=1', 'never rests'],
    ['7 late=1', 'reads registers without end'],
  ] as const) {
    for (const [signal, wanted] of [
      ['SIGTERM', 0],
      ['SIGINT', 0],
      ['SIGKILL', 'SIGKILL'],
    ] as const) {
      test(`${signal} while the guest ${what}`, async () => {
        const { status, said, ms } = await vm(deed, signal);
        assert.equal(status, wanted, said);
        assert.ok(ms < mostMs, `${ms} ms`);
      });
    }
  }

  test('a guest that never comes to rest at all is ended by a signal as well', async () => {
    const { status, ms } = await vm('2', 'SIGTERM');
    assert.equal(status, 1);
    assert.ok(ms < mostMs, `${ms} ms`);
  });

  for (const [way, wanted] of [
    ['exit', 3],
    ['throw', 1],
    ['reject', 1],
  ] as const) {
    test(`its process ends by ${way} while the guest never rests`, async () => {
      const path = fileURLToPath(new URL('ending-program.js', import.meta.url));
      const { status, said, ms } = await runProcess([path, way]);
      assert.equal(status, wanted, said);
      assert.ok(ms < mostMs, `${ms} ms`);
    });
  }
});
