// A guest in a thread of its own, which looks for work without rest, and its device in this thread. No kernel, no socket, no wake-up between them. Where there is no KVM, its module alone.
// Not here: who speaks to it (ring.ts, soak/rig.ts).

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { viewMemory } from '../../src/kernel/ffi.js';
import { Kicker } from '../../src/kvm/kick.js';
import { Access, Domain } from '../../src/memory/domain.js';
import { Region } from '../../src/memory/region.js';
import { MmioTransport } from '../../src/virtio/mmio.js';
import { Layout } from '../../src/vmm/boot.js';
import { type StreamOwner, VsockDevice } from '../../src/vmm/vsock-device.js';
import type { RingModuleThread } from './ring-module-thread.js';
import type { RingReady, RingThread } from './ring-thread.js';

/** Its device, the guest's memory as this thread has it, and its end. */
export interface RingGuest {
  readonly device: VsockDevice;
  /** Our address of its linear memory, and its bytes. */
  readonly address: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  close(): Promise<void>;
}

/** The device in this thread, over linear memory that a guest's thread has, as its driver set it up. What lies before that memory may not be there. */
async function join(worker: Worker, linearBytes: number, owner: StreamOwner): Promise<Omit<RingGuest, 'close'>> {
  const [{ address, writes }] = (await once(worker, 'message')) as [RingReady];
  const buffer = viewMemory(address, linearBytes);
  const data = new DataView(buffer);
  const bytes = new Uint8Array(buffer);
  const domain = new Domain();
  const window = (offset: number) => ({ data, bytes, at: offset });
  domain.grant(Layout.linearPhysical, linearBytes, { address, window }, 0, Access.both);
  const device = new VsockDevice(domain, 3, owner, () => {});
  const transport = new MmioTransport(device, domain);
  for (let index = 0; index < writes.length; index += 2) transport.write(writes[index]!, 4, writes[index + 1]!);
  return { device, address, bytes };
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
    return { ...(await join(worker, start.memoryBytes - Layout.linearPhysical, owner)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** How long turns of the module took, in ticks of the processor's clock: see struct turns in turns.c. */
export interface Turns {
  readonly now: number;
  readonly busy: number;
}

/** A guest's module in a thread, and what its turns took so far. */
export interface RingModule extends RingGuest {
  turns(): Turns;
}

/** Begins the store's module in a thread, as machine code without a machine. @param owner hears of its streams */
export async function openRingModule(start: Omit<RingModuleThread, 'state'>, owner: StreamOwner): Promise<RingModule> {
  const state = new Region(4096);
  const view = new DataView(state.buffer);
  const workerData: RingModuleThread = { ...start, state: state.address };
  const worker = new Worker(new URL('ring-module-thread.js', import.meta.url), { workerData });
  const close = async (): Promise<void> => {
    view.setUint32(0, 1, true);
    await worker.terminate();
    state.unmap();
  };
  const turns = (): Turns => ({ now: Number(view.getBigUint64(8, true)), busy: Number(view.getBigUint64(16, true)) });
  try {
    return { ...(await join(worker, start.memoryBytes, owner)), close, turns };
  } catch (error) {
    await close();
    throw error;
  }
}
