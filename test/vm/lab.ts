// What machines of a test file are made of: a kernel, an initial disk, and bytes that are known to both sides. And rings as QEMU is told
// to offer them. Not here: devices (disk-rig.ts, net-rig.ts), the machine itself (machine.ts).

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomSource } from '../../src/plan/answers/simulate.js';
import type { InitialDisk } from './initial-disk.js';
import { fetchKernel, type Kernel } from './kernels.js';
import { Machine, makeMachineDisk } from './machine.js';

/** Rings as the guest's driver is to use them. */
export interface RingSetting {
  readonly packed: boolean;
  readonly eventIndex: boolean;
  readonly indirect: boolean;
}

const on = (value: boolean): string => (value ? 'on' : 'off');

/** Rings in words. */
export function ringName({ packed, eventIndex, indirect }: RingSetting): string {
  return `${packed ? 'packed' : 'split'}, event index ${on(eventIndex)}, indirect ${on(indirect)}`;
}

/** Options of a device of QEMU that offer such rings. */
export function ringOptions({ packed, eventIndex, indirect }: RingSetting): string {
  return `packed=${on(packed)},event_idx=${on(eventIndex)},indirect_desc=${on(indirect)}`;
}

/** The driver uses such rings. @param bits its features as Linux writes them, bit 0 first */
export function checkRings(bits: string, setting: RingSetting): void {
  for (const [name, bit] of [
    ['indirect', 28],
    ['eventIndex', 29],
    ['packed', 34],
  ] as const)
    assert.equal(bits[bit], setting[name] ? '1' : '0', `${name} in ${bits}`);
}

/** A digest, as `md5sum` writes it. */
export function md5(...parts: readonly Uint8Array[]): string {
  const digest = createHash('md5');
  for (const part of parts) digest.update(part);
  return digest.digest('hex');
}

/** Bytes of a lab's data. */
export const dataBytes = 4 * 1024 * 1024;

/** See the file's head. Not to be used when `guestsImpossible` has a reason. */
export class Lab {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'clearway-lab-'));
  readonly kernel: Kernel;
  readonly #disk: string;
  /** A folder with the file `data` of the bytes, which guests have as `/data`. */
  readonly dataFolder: string = join(this.folder, 'files');
  /** Bytes that no two places have in common, so that none can stand for another. */
  readonly data: Buffer = Buffer.alloc(dataBytes);

  constructor(series: string, contents: Pick<InitialDisk, 'modules' | 'programs'>) {
    this.kernel = fetchKernel(series);
    const random = randomSource(11);
    for (let at = 0; at < dataBytes; at += 4) this.data.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
    mkdirSync(this.dataFolder);
    const path = join(this.dataFolder, 'data');
    writeFileSync(path, this.data);
    this.#disk = makeMachineDisk(this.kernel, this.folder, { ...contents, files: { '/data': path } });
  }

  /** Boots a machine with devices. */
  machine(devices: readonly string[], processors: number): Promise<Machine> {
    return Machine.start({ kernel: this.kernel, disk: this.#disk, devices, processors });
  }

  /** Removes what it made. */
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
