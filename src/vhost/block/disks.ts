// Disks of one process, in the thread that they run in: each file with its device and its socket. Not here: options and signals (cli/disk.ts).

import { basename } from 'node:path';
import type { Loop } from '../../transport/loop.js';
import { DeviceServers } from '../device-servers.js';
import type { Place } from '../door.js';
import type { MemoryPolicy } from '../memory-table.js';
import type { DevicesCounts } from '../queue-counts.js';
import type { Devices } from '../run-devices.js';
import type { VhostServer } from '../vhost-server.js';
import type { BlockCounts } from './block-counts.js';
import { BlockDevice } from './block-device.js';
import { BlockFile, sectorBytes } from './block-file.js';

/** How disks are offered. */
export interface DisksOptions {
  /** Each file, and where its front ends come from. */
  readonly pairs: readonly (readonly [file: string, place: Place])[];
  readonly queues: number;
  readonly readOnly: boolean;
  /** It is raw, whatever it looks like. */
  readonly isRaw: boolean;
  /** Read and written without the page cache. */
  readonly direct: boolean;
  /** Guests come from another host, whose processes have the images until then. */
  readonly isIncoming: boolean;
  /** Which memory of guests is accepted. */
  readonly memory: MemoryPolicy;
  /** The serial number that the guest sees; undefined: the file's name. */
  readonly id: string | undefined;
}

/** What a disk says of itself. */
export interface OfferedDisk {
  readonly path: string;
  readonly place: Place;
  readonly sectors: number;
}

interface Disk extends OfferedDisk {
  readonly file: BlockFile;
  readonly device: BlockDevice;
  readonly server: VhostServer;
}

/** See the file's head. */
export class Disks implements Devices<readonly OfferedDisk[], DevicesCounts<BlockCounts>> {
  readonly #disks: Disk[] = [];
  readonly #servers: DeviceServers<BlockCounts>;
  readonly #say: (sentence: string) => void;

  /** @param end called when no front end will come any more @throws DiskError, SystemError, Error for a socket that cannot be had; then nothing is offered */
  constructor(loop: Loop, options: DisksOptions, say: (sentence: string) => void, end: () => void) {
    this.#servers = new DeviceServers(loop, { memory: options.memory, say, end });
    this.#say = say;
    try {
      for (const [path, place] of options.pairs) this.#offer(loop, path, place, options);
    } catch (error) {
      this.#servers.close(() => {});
      throw error;
    }
  }

  #offer(loop: Loop, path: string, place: Place, options: DisksOptions): void {
    const { readOnly, isRaw, direct, isIncoming, queues, id } = options;
    const file = new BlockFile(path, { readOnly, isRaw, direct, isIncoming });
    const name = basename(path);
    const device = new BlockDevice(loop, file, { queues, id: id ?? name });
    const server = this.#servers.offer(path, name, device, place);
    this.#disks.push({ path, place, sectors: file.sectors, file, device, server });
  }

  /** As {@link Devices.offered}. */
  get offered(): readonly OfferedDisk[] {
    return this.#disks.map(({ path, place, sectors }) => ({ path, place, sectors }));
  }

  counts(): DevicesCounts<BlockCounts> {
    return this.#servers.counts();
  }

  changed(): void {
    for (const { path, file, device, server } of this.#disks) {
      if (!device.resize()) continue;
      const isTold = server.configChanged();
      const rest = isTold ? 'its guest is told' : 'a guest sees it when it connects';
      this.#say(`${basename(path)}: it has ${file.sectors * sectorBytes} bytes now: ${rest}`);
    }
  }

  close(done: () => void): void {
    this.#servers.close(() => {
      for (const { device, file } of this.#disks) {
        device.close();
        file.close();
      }
      done();
    });
  }
}
