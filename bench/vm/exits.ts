// What a stop of a guest costs, through our monitor in TypeScript and through the same loop in C (exits.c), of the same guest in the same process, in turn. Not here: what is printed
// around it (main.ts).

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLibrary } from '../../src/kernel/ffi.js';
import { Kicker } from '../../src/kvm/kick.js';
import { MmioTransport } from '../../src/virtio/mmio.js';
import { Guest } from '../../src/vmm/guest.js';
import { readImage } from '../../src/vmm/image-file.js';
import { compile } from '../host/compile.js';
import { repositoryRoot } from '../servers/peer.js';
import { median } from '../statistics.js';
import { unowned } from './recording.js';

type Loop = (guest: Guest) => void;

/** What the probe does, by its number: src/core/images/probe.ts. */
const kinds = [
  [9, 'a register that is written'],
  [10, 'a register that is read'],
  [11, 'a byte on the serial line'],
] as const;
const image = join(repositoryRoot, 'dist/image/probe.elf');

/** The loop in C. @throws Error where it cannot be compiled */
function loopInC(folder: string): Loop {
  const library = join(folder, 'exits.so');
  compile('bench/vm/exits.c', library, '-Wall', '-shared', '-fPIC');
  const run = openLibrary([library])!.bind('long run_guest(int processor, int64 area)');
  return ({ machine }) => {
    const stops = Number(run(machine.processor, machine.runAddress));
    if (stops < 0) throw new Error(`the loop in C ended with ${stops}`);
  };
}

const loopInTypeScript: Loop = (guest) => {
  for (let pause = guest.run(); pause !== 'over'; pause = guest.run());
};

/** Nanoseconds of one stop. */
function measure(loop: Loop, deed: number, times: number): number {
  const kicker = new Kicker();
  const options = { memoryBytes: 8 * 1024 ** 2, commandLine: `do=${deed} times=${times} late=1`, devices: 1 };
  let bytes = 0;
  const guest = new Guest(readImage(readFileSync(image)), options, kicker.shared, () => bytes++);
  try {
    guest.add(new MmioTransport(unowned(guest.domain), guest.domain));
    if (guest.run() !== 'rest') throw new Error('the probe does not rest');
    const begun = process.hrtime.bigint();
    loop(guest);
    return Number(process.hrtime.bigint() - begun) / times;
  } finally {
    guest.close();
    kicker.close();
  }
}

/** A line for each kind of stop: medians of rounds in turn, and the median of the rounds' ratios. */
export function measureExits(rounds: number, times = 10_000): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-exits-'));
  try {
    const inC = loopInC(folder);
    measure(loopInTypeScript, 9, times);
    return kinds.map(([deed, name]) => {
      const found = { c: [] as number[], own: [] as number[], ratios: [] as number[] };
      for (let round = 0; round < rounds; round++) {
        const loops = [inC, loopInTypeScript];
        // In turn, so that neither is always the first.
        const order = round % 2 === 0 ? loops : [...loops].reverse();
        const [first, second] = order.map((loop) => measure(loop, deed, times)) as [number, number];
        const [c, own] = order[0] === inC ? [first, second] : [second, first];
        found.c.push(c);
        found.own.push(own);
        found.ratios.push(own / c);
      }
      const range = `${Math.min(...found.ratios).toFixed(2)} to ${Math.max(...found.ratios).toFixed(2)}`;
      const us = (values: readonly number[]): string => (median(values) / 1000).toFixed(2);
      return `stop for ${name}: C ${us(found.c)} us, TypeScript ${us(found.own)} us, ratio ${median(found.ratios).toFixed(2)} (${range}), ${rounds} rounds of ${times}`;
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
