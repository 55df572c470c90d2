// The thread in which the store's module runs where there is no machine for it, as machine code of this process: what a guest's processor does at CPL 3 is the same. What its driver
// writes to its device's registers is passed on, as by ring-thread.ts.

import { parentPort, workerData } from 'node:worker_threads';
import { compileModule } from '../../src/compile/program.js';
import { openLibrary } from '../../src/kernel/ffi.js';
import type { Domain } from '../../src/memory/domain.js';
import { VsockDevice } from '../../src/vmm/vsock-device.js';
import { hostSignatures } from '../../test/compile/kv-guest.js';
import { Native } from '../../test/compile/native.js';
import { type Exports, layouts, ModuleGuest, type ModuleRunner, physical } from '../../test/vmm/module-guest.js';
import { pinThread } from '../host/pin-thread.js';
import { byGcc } from './gcc-module.js';
import { Recording } from './recording.js';

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
let address = 0x4000_0000;

const byOurselves: ModuleRunner = (wasm, pages, host) => {
  const program = compileModule(wasm);
  const native = new Native(program, pages, { ...(host as object), fence }, hostSignatures);
  turnAt = native.addressOf('turn');
  const exports = Object.fromEntries([...program.entries.keys()].map((name) => [name, native.entry(name)]));
  address = native.address;
  return { bytes: native.bytes, exports: exports as unknown as Exports };
};

const runner = library === undefined ? byOurselves : byGcc(library, (at) => (turnAt = at));
const nobody = { accepted() {}, refused() {}, over() {}, lent: () => false, writable() {} };
const layout = layouts['packed, events by place']!;
let device: VsockDevice | undefined;
const make = (domain: Domain): VsockDevice[] => {
  device = new VsockDevice(domain, 3, nobody, () => {});
  return [device];
};
const guest = new ModuleGuest('kv', commandLine, layout, make, memoryBytes, runner);
const told = (writes: readonly number[]): void => parentPort?.postMessage({ address: address - physical, writes });
guest.transports[0] = new Recording(device!, guest.domain, told);
guest.begin();
loop.bind('void run_turns(uint64_t turn, uint64_t state)')(turnAt, state);
