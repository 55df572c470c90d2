// DeviceServers: the devices of one process, in the thread that they run in, each with its server: they are offered one by one, over when no front
// end will come for any of them, and closed together. Not here: what the devices are (block/disks.ts, net/nets.ts).

import type { Loop } from '../transport/loop.js';
import type { Place } from './door.js';
import { limitedSay } from './limited-say.js';
import type { MemoryPolicy } from './memory-table.js';
import { countsOf, type DevicesCounts, type QueueCounts } from './queue-counts.js';
import { type KickedDevice, VhostServer } from './vhost-server.js';

/** A device that tells what it has counted, and what its guest does wrong. */
interface OfferedDevice<Counts extends QueueCounts> extends KickedDevice {
  readonly counts: Counts;
  /** Who hears of what a guest does wrong. */
  set onSay(say: (sentence: string) => void);
}

/** What all of them have in common. */
export interface DeviceServersOptions {
  readonly memory: MemoryPolicy;
  /** Says something to the operator, in a sentence. */
  readonly say: (sentence: string) => void;
  /** No front end will come any more. */
  readonly end: () => void;
}

/** See the file's head. */
export class DeviceServers<Counts extends QueueCounts> {
  readonly #loop: Loop;
  readonly #options: DeviceServersOptions;
  readonly #all: { readonly name: string; readonly device: OfferedDevice<Counts>; readonly server: VhostServer }[] = [];
  /** Devices for which front ends may come. */
  #open = 0;

  constructor(loop: Loop, options: DeviceServersOptions) {
    this.#loop = loop;
    this.#options = options;
  }

  /**
   * Offers a device. @param name what it is called where it is counted @param calledShort and where something is said of it
   * @throws SystemError, Error for a socket that cannot be had
   */
  offer(name: string, calledShort: string, device: OfferedDevice<Counts>, place: Place): VhostServer {
    const { memory, say, end } = this.#options;
    const told = limitedSay(this.#loop, (sentence) => say(`${calledShort}: ${sentence}`));
    device.onSay = told;
    const over = (): void => {
      if (--this.#open === 0) end();
    };
    const server = new VhostServer(this.#loop, device, { place, memory, say: told, over });
    this.#open++;
    this.#all.push({ name, device, server });
    return server;
  }

  /** What was counted. */
  counts(): DevicesCounts<Counts> {
    return countsOf(
      this.#all.map(({ name, device, server }) => ({ name, counts: device.counts, state: server.state })),
    );
  }

  /** Ends them. @param done when nothing of any is under way any more */
  close(done: () => void): void {
    let left = this.#all.length;
    if (left === 0) done();
    for (const { server } of this.#all) {
      server.close(() => {
        if (--left === 0) done();
      });
    }
  }
}
