// A module of an image in V8, with devices in memory: the same code that becomes machine code, its registers answered by the monitor's own transport. For tests.

import { readFileSync } from 'node:fs';
import { Access, Domain } from '../../src/memory/domain.js';
import { Feature, MmioTransport, type VirtioDevice } from '../../src/virtio/mmio.js';
import { Layout } from '../../src/vmm/boot.js';

/** What the module of an image gives. */
export interface Exports {
  bootBlock(): number;
  begin(nowUs: number): number;
  turn(nowUs: number): number;
  rest(nowUs: number): number;
}

/** What the module ended itself with. */
export class GuestEnd extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`the guest ended with ${status}`);
    this.status = status;
  }
}

/** Where linear memory is in the machine. */
const physical = Layout.linearPhysical;
const deviceAt = 0xd000_0000;

/** Which layouts are offered to the module, by name. */
export const layouts: Readonly<Record<string, bigint>> = {
  split: 0n,
  'split, events by index': Feature.eventIndex,
  packed: Feature.packed,
  'packed, events by place': Feature.packed | Feature.eventIndex,
};

/** What runs a module: its memory and its functions. */
export type ModuleRunner = (
  wasm: Uint8Array<ArrayBuffer>,
  pages: number,
  host: WebAssembly.ModuleImports,
) => { bytes: Uint8Array<ArrayBuffer>; exports: Exports };

const inV8: ModuleRunner = (wasm, pages, host) => {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm), { env: { memory }, host });
  return { bytes: new Uint8Array(memory.buffer), exports: exports as unknown as Exports };
};

/** See the file's head. */
export class ModuleGuest {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly domain = new Domain();
  readonly transports: MmioTransport[] = [];
  said = '';
  nowUs = 0;
  /** Called at each point where the order of memory matters: something else may happen there. */
  atFence: () => void = () => {};
  readonly #exports: Exports;

  /** @param make the devices, in the order of their places */
  constructor(
    image: string,
    commandLine: string,
    layout: bigint,
    make: (domain: Domain) => readonly VirtioDevice[],
    memoryBytes = 32 * 1024 ** 2,
    runner: ModuleRunner = inV8,
  ) {
    const wasm = readFileSync(new URL(`../../core/images/${image}.wasm`, import.meta.url));
    const { bytes, exports } = runner(wasm as Uint8Array<ArrayBuffer>, memoryBytes / 65_536, this.#host());
    this.bytes = bytes;
    this.#exports = exports;
    const data = new DataView(bytes.buffer, bytes.byteOffset, memoryBytes);
    const window = (offset: number, length: number) => {
      if (offset + length > memoryBytes) throw new RangeError('outside');
      return { data, bytes: this.bytes, at: offset };
    };
    this.domain.grant(physical, memoryBytes, { address: 0, window }, 0, Access.both);
    for (const device of make(this.domain)) this.transports.push(new MmioTransport(device, this.domain, layout));
    const block = this.#exports.bootBlock();
    data.setUint32(block, physical, true);
    data.setUint32(block + 4, Layout.doorOurs, true);
    data.setBigUint64(block + 8, BigInt(memoryBytes), true);
    data.setBigUint64(block + 24, 1_700_000_000_000_000n, true);
    for (let index = 0; index < 32; index++) data.setUint8(block + 32 + index, index * 7);
    const stanzas = this.transports.map(
      (_, index) => `virtio_mmio.device=4K@0x${(deviceAt + index * 0x1000).toString(16)}:5`,
    );
    new TextEncoder().encodeInto([...stanzas, commandLine].join(' '), this.bytes.subarray(block + 64));
  }

  #host(): WebAssembly.ModuleImports {
    const at = (address: number): [MmioTransport | undefined, number] => {
      const offset = (address >>> 0) - deviceAt;
      return [this.transports[Math.floor(offset / 0x1000)], offset % 0x1000];
    };
    const read = (address: number, bytes: number): number => {
      const [transport, offset] = at(address);
      return transport?.read(offset, bytes) ?? 0xffff_ffff;
    };
    return {
      readRegister: (address: number) => read(address, 4),
      writeRegister: (address: number, value: number) => {
        const [transport, offset] = at(address);
        transport?.write(offset, 4, value >>> 0);
      },
      fence: () => this.atFence(),
      order: () => {},
      say: (text: number, length: number) => {
        this.said += new TextDecoder().decode(this.bytes.subarray(text, text + length));
      },
      endGuest: (status: number) => {
        throw new GuestEnd(status);
      },
    };
  }

  /** Brings it up. @throws GuestEnd where it cannot begin */
  begin(): void {
    const status = this.#exports.begin(this.nowUs);
    if (status !== 0) throw new GuestEnd(status);
  }

  /** Runs until it rests. Returns for how many microseconds. */
  run(): number {
    for (let turns = 0; turns < 100_000; turns++) {
      this.nowUs = (this.nowUs + 10) % 2 ** 32;
      if (this.#exports.turn(this.nowUs) !== 0) continue;
      const us = this.#exports.rest(this.nowUs) >>> 0;
      if (us > 0) return us;
    }
    throw new Error('the guest does not come to rest');
  }
}
