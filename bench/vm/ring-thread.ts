// The thread in which the guest of ring-guest.ts runs: it never rests, and what its driver writes to its device's registers is passed on, so that the device can be in another thread.

import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { MmioTransport } from '../../src/virtio/mmio.js';
import { Guest } from '../../src/vmm/guest.js';
import { readImage } from '../../src/vmm/image-file.js';
import { VsockDevice } from '../../src/vmm/vsock-device.js';

/** What the thread is given. */
export interface RingThread {
  readonly image: string;
  readonly memoryBytes: number;
  readonly commandLine: string;
  readonly shared: SharedArrayBuffer;
}

/** What it says once its driver is ready: where the memory is, and what was written, as offsets and values. */
export interface RingReady {
  readonly address: number;
  readonly writes: readonly number[];
}

class Recording extends MmioTransport {
  #writes: number[] | undefined = [];

  override write(offset: number, bytes: number, value: number): void {
    super.write(offset, bytes, value);
    this.#writes?.push(offset, value);
    if (!this.isStarted || this.#writes === undefined) return;
    parentPort?.postMessage({ address: guest.machine.memory.address, writes: this.#writes });
    this.#writes = undefined;
  }
}

const { image, memoryBytes, commandLine, shared } = workerData as RingThread;
const options = { memoryBytes, commandLine, devices: 1 };
const guest = new Guest(readImage(readFileSync(image)), options, shared, () => {});
const nobody = { accepted() {}, refused() {}, over() {}, lent: () => false, writable() {} };
guest.add(new Recording(new VsockDevice(guest.domain, 3, nobody, () => {}), guest.domain));
for (let pause = guest.run(); pause === 'busy' || pause === 'rest'; pause = guest.run());
