// Every way in which a guest, its thread or its process ends: within a second, with the right status, and nothing is left. Real processes on /dev/kvm.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Kicker } from '../../src/kvm/kick.js';
import { Guest } from '../../src/vmm/guest.js';
import { readImage } from '../../src/vmm/image-file.js';
import { openDescriptors } from '../support/open-descriptors.js';
import { patient } from '../support/patience.js';
import { program } from '../support/program.js';
import { openTerminal, terminalsRefused } from '../support/terminal-pair.js';
import { handlers, madeImage } from './made-image.js';
import { guestsRefused, imageOf } from './support.js';

interface Ended {
  readonly status: number | string;
  readonly said: string;
  /** From the signal, or from when it was ready, to the end. */
  readonly ms: number;
}

/** Processes that live and were begun by one with this word in its environment. */
function livingWith(word: string): string[] {
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/environ`, 'latin1').includes(word);
    } catch {
      // It has gone meanwhile, or is somebody else's.
      return false;
    }
  });
}

let processes = 0;

/** Starts a process; when it is ready a signal is sent, if one is. */
function runProcess(args: readonly string[], signal?: NodeJS.Signals, afterMs = 50): Promise<Ended> {
  const word = `CLEARWAY_TEST_LIFE=${process.pid}.${processes++}.`;
  const env = { ...process.env, CLEARWAY_TEST_LIFE: word.slice(word.indexOf('=') + 1) };
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let said = '';
  let sinceMs = performance.now();
  let isReady = false;
  const hear = (text: string): void => {
    said += text;
    if (isReady || !/ready|: begun/.test(said)) return;
    isReady = true;
    sinceMs = performance.now();
    // A moment later, so that it is within the guest.
    if (signal !== undefined) setTimeout(() => void child.kill(signal), afterMs);
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', hear);
  const timer = setTimeout(() => child.kill('SIGKILL'), patient(60_000));
  return new Promise((resolve, reject) =>
    child.on('close', (code, killed) => {
      clearTimeout(timer);
      const left = livingWith(word);
      if (left.length > 0) reject(new Error(`it left processes behind: ${left}`));
      resolve({ status: code ?? killed!, said, ms: performance.now() - sinceMs });
    }),
  );
}

const vm = (deed: string, signal?: NodeJS.Signals): Promise<Ended> =>
  // With a door, so that there is a device.
  runProcess([program, 'vm', imageOf('probe'), '--memory', '16', '--port', '0', '--', `do=${deed}`], signal);

/** Some 150 ms are usual, and 400 on a machine that others use. */
const mostMs = patient(10_000);

describe('how a guest ends', { skip: guestsRefused(), timeout: patient(240_000) }, () => {
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

  test('what it says is left out where nobody reads, or can read any more, and holds it up no longer', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'clearway-test-'));
    const fifo = join(folder, 'said');
    spawnSync('mkfifo', [fifo]);
    const unread = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
    assert.throws(() => {
      for (;;) writeSync(unread, Buffer.alloc(4096));
    }, /EAGAIN/);
    const full = openSync(fifo, 'w');
    const stopped = terminalsRefused() === false ? openTerminal() : undefined;
    stopped?.type('stop');
    const words = ['vm', imageOf('probe'), '--memory', '16', '--port', '0', '--', 'late=1', 'times=5000'];
    for (const [what, output, deed, wanted] of [
      ['nobody reads the guest', full, 11, 0],
      ['nobody can read the guest', 'pipe', 11, 0],
      // Its end is said by the command.
      ['nobody reads the command', full, 1, 7],
      ['nobody can read the command', 'pipe', 1, 7],
      ['the terminal of the guest is stopped', stopped?.fd ?? full, 11, 0],
      ['the terminal of the command is stopped', stopped?.fd ?? full, 1, 7],
    ] as const) {
      const stdio = ['ignore', output === 'pipe' ? 'ignore' : output, output] as const;
      const child = spawn(process.execPath, [program, ...words, `do=${deed}`], { stdio: [...stdio] });
      child.stderr?.destroy();
      const timer = setTimeout(() => child.kill('SIGKILL'), mostMs);
      const [status, signal] = await once(child, 'exit');
      clearTimeout(timer);
      assert.deepEqual([status, signal], [wanted, null], what);
    }
    for (const fd of [unread, full]) closeSync(fd);
    stopped?.close();
    rmSync(folder, { recursive: true });
  });

  test('a guest that never comes to rest at all is ended by a signal as well', async () => {
    const { status, ms } = await vm('2', 'SIGTERM');
    assert.equal(status, 0);
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

  for (const [way, wanted, signal] of [
    ['lost', 1, undefined],
    ['lost while it never rests', 1, 'SIGTERM'],
  ] as const) {
    test(`the guest's thread is ${way}`, async () => {
      const path = fileURLToPath(new URL('ending-program.js', import.meta.url));
      const { status, said, ms } = await runProcess([path, way], signal, 300);
      assert.equal(status, wanted, said);
      assert.match(said, /its thread was lost/);
      assert.ok(ms < mostMs, `${ms} ms`);
    });
  }
});

describe('a guest whose handler of traps fails', { skip: guestsRefused(), timeout: patient(240_000) }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-test-'));
  after(() => rmSync(folder, { recursive: true }));
  const made = (bytes: Buffer): string => {
    const path = join(folder, `${processes}.elf`);
    writeFileSync(path, bytes);
    return path;
  };
  const run = (bytes: Buffer, signal?: NodeJS.Signals): Promise<Ended> =>
    runProcess([program, 'vm', made(bytes), '--memory', '16'], signal);

  for (const [what, bytes] of [
    ['it loads an empty table of interrupts, and traps', madeImage(handlers.emptyTable)],
    ['it traps, again and again', madeImage(handlers.trap)],
    ['it has no stack that can be written', madeImage(handlers.trap, false)],
  ] as const) {
    test(`${what}: the machine is over, said, with a status`, async () => {
      const { status, said, ms } = await run(bytes);
      assert.equal(status, 1, said);
      assert.match(
        said,
        /the guest was not ready: (a trap that nobody took$|(a trap that nobody took|KVM gave up \(\d+, \d+\)) at 0x1[0-9a-f]{5} )/m,
      );
      assert.ok(ms < mostMs, `${ms} ms`);
    });
  }

  test('it never ends, and is interpreted where there is no hardware for guests: a signal ends it', async () => {
    const { status, said, ms } = await run(madeImage(handlers.never), 'SIGTERM');
    assert.equal(status, 0, said);
    assert.ok(ms < mostMs, `${ms} ms`);
  });
});

/** What this process has of machines: descriptors of KVM, and mappings of guests' memory. */
function machinesHere(): number {
  const maps = readFileSync('/proc/self/maps', 'latin1').split('\n');
  return openDescriptors(/kvm/).length + maps.filter((each) => /kvm|clearway-guest/.test(each)).length;
}

test('a guest that was closed, or refused, leaves no machine in its process', { skip: guestsRefused() }, () => {
  const kicker = new Kicker();
  const image = readImage(readFileSync(imageOf('probe')));
  const before = machinesHere();
  const make = (commandLine: string, memoryBytes = 16 * 1024 ** 2): Guest =>
    new Guest(image, { memoryBytes, commandLine, devices: 0 }, kicker.shared, () => {});
  for (let times = 0; times < 3; times++) {
    const guest = make('do=1');
    assert.ok(machinesHere() > before);
    while (guest.run() !== 'over');
    assert.equal(guest.end?.status, 7);
    guest.close();
    // One that comes late finds nobody.
    kicker.kick();
  }
  const early = make('do=1');
  early.close();
  const others = [1, 2, 3, 4].map(() => openSync('/dev/null', 'r'));
  early.close();
  assert.throws(() => early.run(), { code: 'CLEARWAY_STATE' });
  assert.ok(
    others.every((fd) => fstatSync(fd).isCharacterDevice()),
    'a second end closes what is others\u2019 by now',
  );
  for (const fd of others) closeSync(fd);
  assert.throws(() => make('x'.repeat(5000)), RangeError);
  assert.throws(() => make('', 1024 ** 2), RangeError);
  assert.equal(machinesHere(), before);
  kicker.close();
});
