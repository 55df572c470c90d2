// A guest in a thread of its own, which looks for work without rest, and its device in this thread. No kernel, no socket, no wake-up between them. Not here: who speaks to it (ring.ts,
// soak/rig.ts).

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { viewMemory } from '../../src/kernel/ffi.js';
import { Kicker } from '../../src/kvm/kick.js';
import { Access, Domain } from '../../src/memory/domain.js';
import { MmioTransport } from '../../src/virtio/mmio.js';
import { Layout } from '../../src/vmm/boot.js';
import { type StreamOwner, VsockDevice } from '../../src/vmm/vsock-device.js';
import type { RingReady, RingThread } from './ring-thread.js';

/** Its device, the guest's memory as this thread has it, and its end. */
export interface RingGuest {
  readonly device: VsockDevice;
  /** Our address of its memory, and its bytes. */
  readonly address: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  close(): Promise<void>;
}

/** Begins a guest, up to where its driver is ready. @param owner hears of its streams */
export async function openRing(start: Omit<RingThread, 'shared'>, owner: StreamOwner): Promise<RingGuest> {
  const kicker = new Kicker();
  const workerData: RingThread = { ...start, shared: kicker.shared };
  const worker = new Worker(new URL('ring-thread.js', import.meta.url), { workerData });
  const close = async (): Promise<void> => {
    kicker.stop();
    await worker.terminate();
    kicker.close();
  };
  try {
    const [{ address, writes }] = (await once(worker, 'message')) as [RingReady];
    const { memoryBytes } = start;
    const buffer = viewMemory(address, memoryBytes);
    const data = new DataView(buffer);
    const bytes = new Uint8Array(buffer, 0, memoryBytes);
    const domain = new Domain();
    const window = (offset: number) => ({ data, bytes, at: offset });
    const { linearPhysical } = Layout;
    domain.grant(linearPhysical, memoryBytes - linearPhysical, { address, window }, linearPhysical, Access.both);
    const device = new VsockDevice(domain, 3, owner, () => {});
    const transport = new MmioTransport(device, domain);
    for (let index = 0; index < writes.length; index += 2) transport.write(writes[index]!, 4, writes[index + 1]!);
    return { device, address, bytes, close };
  } catch (error) {
    await close();
    throw error;
  }
}
