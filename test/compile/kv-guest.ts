// The key-value store's module as machine code, or in V8, with its clients in memory: both over the same rings. For tests and measurements.

import { compileModule, type Program } from '../../src/compile/program.js';
import type { Domain, Pieces } from '../../src/memory/domain.js';
import { type StreamOwner, VsockDevice } from '../../src/vmm/vsock-device.js';
import { type Exports, ModuleGuest, type ModuleRunner } from '../vmm/module-guest.js';
import { type HostFunctions, Native } from './native.js';

export const memoryBytes = 16 * 1024 ** 2;

let program: Program | undefined;

/** What its module imports, as C declares it; the rest does nothing. */
export const hostSignatures: ReadonlyMap<string, string> = new Map([
  ['readRegister', 'uint32_t readRegister(uint32_t address)'],
  ['writeRegister', 'void writeRegister(uint32_t address, uint32_t value)'],
  ['say', 'void say(uint32_t text, uint32_t length)'],
]);

/** Runs the image's module as machine code. @param more imports in the host's place @param told hears of what was loaded */
export const nativelyWith =
  (more: HostFunctions, told: (native: Native) => void): ModuleRunner =>
  (wasm, pages, host) => {
    program ??= compileModule(wasm);
    const native = new Native(program, pages, { ...(host as object), ...more }, hostSignatures);
    told(native);
    const exports = Object.fromEntries([...program.entries.keys()].map((name) => [name, native.entry(name)]));
    return { bytes: native.bytes, exports: exports as unknown as Exports };
  };

/** The same with the host's own imports. */
export const natively = nativelyWith({}, () => {});

/** Clients that read everything at once. */
class Clients implements StreamOwner {
  device!: VsockDevice;
  readonly bytes: () => Uint8Array;
  replies = '';
  /** Whether what was said is kept. */
  keepsReplies = true;

  constructor(bytes: () => Uint8Array) {
    this.bytes = bytes;
  }

  accepted(): void {}
  refused(): void {}
  over(): void {}

  tookBytes(): number {
    return 0;
  }

  writable(port: number): void {
    this.push(port);
  }

  readonly #unsent = new Map<number, Buffer>();

  /** Sends what is left, as far as it goes. */
  push(port: number, more = Buffer.alloc(0)): void {
    const bytes = Buffer.concat([this.#unsent.get(port) ?? Buffer.alloc(0), more]);
    this.#unsent.set(port, bytes.subarray(this.device.send(port, bytes, 0, bytes.length)));
  }

  /** Bytes that are not sent yet. */
  left(port: number): number {
    return this.#unsent.get(port)?.length ?? 0;
  }

  lent(port: number, pieces: Pieces, token: number): boolean {
    for (let index = 0; this.keepsReplies && index < pieces.count; index++) {
      const at = pieces.addresses[index]!;
      this.replies += `${port}:${Buffer.from(this.bytes().subarray(at, at + pieces.lengths[index]!)).toString('latin1')}`;
    }
    this.device.giveBack(token);
    return true;
  }
}

/** A store with its clients. */
export class Store {
  readonly clients: Clients;
  readonly guest: ModuleGuest;
  #wakes = 0;

  constructor(layout: bigint, runner?: ModuleRunner) {
    this.clients = new Clients(() => this.guest.bytes);
    const make = (domain: Domain): VsockDevice[] => {
      this.clients.device = new VsockDevice(domain, 3, this.clients, () => this.#wakes++);
      return [this.clients.device];
    };
    this.guest = new ModuleGuest('kv', 'maxmemory=4M maxmemory-policy=allkeys-lru', layout, make, memoryBytes, runner);
    this.guest.begin();
    this.guest.run();
  }

  /** Sends commands, and runs the guest until it has answered them. */
  ask(port: number, text: string): void {
    this.clients.push(port, Buffer.from(text, 'latin1'));
    for (let turns = 0; turns < 10_000; turns++) {
      const before = this.#wakes;
      this.clients.device.publish();
      this.guest.run();
      this.clients.device.turn();
      if (before === this.#wakes && this.clients.left(port) === 0) return;
    }
    throw new Error('the guest takes nothing more');
  }

  /** Time that passes. */
  wait(us: number): void {
    this.guest.nowUs = (this.guest.nowUs + us) % 2 ** 32;
  }
}
