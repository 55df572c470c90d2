// Disks of one process, in the thread that they run in: each file with its device and its socket. Not here: options and signals (cli/disk.ts).

import { basename } from 'node:path';
import type { Loop } from '../../transport/loop.js';
import type { Devices } from '../run-devices.js';
import { VhostServer } from '../vhost-server.js';
import { BlockDevice } from './block-device.js';
import { BlockFile } from './block-file.js';
import type { BlockCounts } from './block-request.js';

/** How disks are offered. */
export interface DisksOptions {
  /** Each file, and the socket on which it is offered. */
  readonly pairs: readonly (readonly [file: string, socket: string])[];
  /** Permissions of the sockets. */
  readonly mode: number;
  readonly queues: number;
  readonly readOnly: boolean;
  /** It is raw, whatever it looks like. */
  readonly isRaw: boolean;
  /** Read and written without the page cache. */
  readonly direct: boolean;
  /** Memory of guests may become shorter. */
  readonly anyMemory: boolean;
  /** The serial number that the guest sees; undefined: the file's name. */
  readonly id: string | undefined;
}

/** What a disk says of itself. */
export interface OfferedDisk {
  readonly path: string;
  readonly socket: string;
  readonly sectors: number;
}

interface Disk extends OfferedDisk {
  readonly file: BlockFile;
  readonly device: BlockDevice;
  readonly server: VhostServer;
}

/** See the file's head. */
export class Disks implements Devices<readonly OfferedDisk[], readonly BlockCounts[]> {
  readonly #disks: Disk[] = [];

  /** @throws DiskError, SystemError, Error for a socket that cannot be had; then nothing is offered */
  constructor(loop: Loop, options: DisksOptions, say: (sentence: string) => void) {
    try {
      for (const [path, socket] of options.pairs) this.#offer(loop, path, socket, options, say);
    } catch (error) {
      for (const { server } of this.#disks) server.close(() => {});
      throw error;
    }
  }

  #offer(loop: Loop, path: string, socket: string, options: DisksOptions, say: (sentence: string) => void): void {
    const { readOnly, isRaw, direct, queues, mode, anyMemory } = options;
    const file = new BlockFile(path, { readOnly, isRaw, direct });
    const name = basename(path);
    const told = (sentence: string): void => say(`${name}: ${sentence}`);
    const device = new BlockDevice(loop, file, { queues, id: options.id ?? name });
    device.onSay = told;
    const memory = { any: anyMemory };
    const server = new VhostServer(loop, device, { path: socket, mode, memory, say: told });
    this.#disks.push({ path, socket, sectors: file.sectors, file, device, server });
  }

  /** As {@link Devices.offered}. */
  get offered(): readonly OfferedDisk[] {
    return this.#disks.map(({ path, socket, sectors }) => ({ path, socket, sectors }));
  }

  counts(): readonly BlockCounts[] {
    return this.#disks.map(({ device }) => device.counts);
  }

  changed(): void {}

  close(done: () => void): void {
    let left = this.#disks.length;
    for (const { server, device, file } of this.#disks) {
      server.close(() => {
        device.close();
        file.close();
        if (--left === 0) done();
      });
    }
  }
}
