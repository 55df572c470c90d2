// A device's registers whose writes are kept until its driver is ready, so that the device can be in another thread; and a device for registers that nobody is behind yet. Not here: the
// threads (ring-thread.ts, ring-module-thread.ts).

import type { Domain } from '../../src/memory/domain.js';
import { MmioTransport, type VirtioDevice } from '../../src/virtio/mmio.js';
import { VsockDevice } from '../../src/vmm/vsock-device.js';

const nobody = { accepted() {}, refused() {}, over() {}, lent: () => false, writable() {}, tookBytes: () => 0 };

/** A device whose streams nobody has. */
export const unowned = (domain: Domain): VsockDevice => new VsockDevice(domain, 3, nobody, () => {});

/** See the file's head. */
export class Recording extends MmioTransport {
  #writes: number[] | undefined = [];
  readonly #told: (writes: readonly number[]) => void;

  /** @param told hears of offsets and values once, when the driver is ready */
  constructor(device: VirtioDevice, domain: Domain, told: (writes: readonly number[]) => void) {
    super(device, domain);
    this.#told = told;
  }

  override write(offset: number, bytes: number, value: number): void {
    super.write(offset, bytes, value);
    this.#writes?.push(offset, value);
    if (!this.isStarted || this.#writes === undefined) return;
    this.#told(this.#writes);
    this.#writes = undefined;
  }
}
