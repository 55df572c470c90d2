// The thread in which the store's module runs where there is no machine for it, as machine code of this process: what a guest's processor does at CPL 3 is the same. What its driver
// writes to its device's registers is passed on, as by ring-thread.ts.

import { parentPort, workerData } from 'node:worker_threads';
import { openLibrary } from '../../src/kernel/ffi.js';
import { Layout } from '../../src/vmm/boot.js';
import { nativelyWith } from '../../test/compile/kv-guest.js';
import { layouts, ModuleGuest } from '../../test/vmm/module-guest.js';
import { pinThread } from '../host/pin-thread.js';
import { byGcc } from './gcc-module.js';
import { Recording, unowned } from './recording.js';
import type { RingReady } from './ring-thread.js';

/** What the thread is given. */
export interface RingModuleThread {
  /** The library of turns.c, and that of the module by gcc (gcc-module.ts); without this the module is compiled by ourselves. */
  readonly turns: string;
  readonly library: string | undefined;
  readonly memoryBytes: number;
  readonly commandLine: string;
  /** Where struct turns of turns.c is. */
  readonly state: number;
  readonly cpu: number | undefined;
}

const { turns, library, memoryBytes, commandLine, state, cpu } = workerData as RingModuleThread;
if (cpu !== undefined) pinThread(cpu);
const loop = openLibrary([turns])!;
const fence = Number(loop.bind('uint64_t fence_address()')());
let turnAt = 0;
/** Where the module's memory is: that of gcc's code is always there. */
let address: number = Layout.linearVirtual;

const byOurselves = nativelyWith({ fence }, (native) => {
  turnAt = native.addressOf('turn');
  address = native.address;
});

const runner = library === undefined ? byOurselves : byGcc(library, (at) => (turnAt = at));
// The place of one device; its registers are then the recorded ones, which offer all layouts.
const guest = new ModuleGuest('kv', commandLine, layouts.split!, (domain) => [unowned(domain)], memoryBytes, runner);
const told = (writes: readonly number[]): void => parentPort?.postMessage({ address, writes } satisfies RingReady);
guest.transports[0] = new Recording(unowned(guest.domain), guest.domain, told);
guest.begin();
loop.bind('void run_turns(uint64_t turn, uint64_t state)')(turnAt, state);
