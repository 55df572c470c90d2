// A virtual machine of KVM: one region of memory at address 0, one processor. Not here: what is in the memory (vmm/boot.ts), what exits mean (vmm/).

import { Errno, isShortage } from '../kernel/errno.js';
import {
  copyCpuid,
  createMachine,
  createProcessor,
  getRegisters,
  getSystemRegisters,
  kvmVersion,
  kvmVersionOf,
  mapRunArea,
  openKvm,
  setMachineMemory,
  setRegisters,
  setSystemRegisters,
  tscKhzOf,
  unmapRunArea,
} from '../kernel/kvm.js';
import type { Mapping } from '../kernel/memory.js';
import { closeDescriptor } from '../kernel/socket.js';
import { SystemError } from '../kernel/system-error.js';
import { Region } from '../memory/region.js';
import { coded } from '../text/coded.js';

/** Where a processor begins: at CPL 3, in long mode, with the tables that lie in memory. */
export interface UserEntry {
  readonly entry: number;
  readonly stackTop: number;
  readonly pageTables: number;
  readonly gdt: number;
  readonly idt: number;
  readonly tss: number;
  readonly codeSelector: number;
  readonly dataSelector: number;
}

/** Offsets in struct kvm_sregs (arch/x86/include/uapi/asm/kvm.h). */
const Sregs = {
  cs: 0,
  ds: 24,
  es: 48,
  fs: 72,
  gs: 96,
  ss: 120,
  tr: 144,
  gdt: 192,
  idt: 208,
  cr0: 224,
  cr2: 232,
  cr3: 240,
  cr4: 248,
  efer: 264,
} as const;
const Regs = { rsp: 48, rip: 128, rflags: 136 } as const;

/** Opens KVM. @throws SystemError with what to do about it */
function openKvmDevice(): number {
  const kvm = openKvm();
  if (kvm < 0) {
    const isRefused = -kvm === Errno.EACCES || -kvm === Errno.EPERM;
    const hint = isRefused
      ? 'virtual machines are for members of the group kvm: sudo usermod -aG kvm $USER, then log in again'
      : isShortage(-kvm)
        ? undefined
        : 'this host has no KVM: load kvm_intel or kvm_amd, or allow nested virtualisation';
    throw new SystemError(-kvm, 'open', '/dev/kvm', hint);
  }
  const version = kvmVersionOf(kvm);
  if (version === kvmVersion) return kvm;
  closeDescriptor(kvm);
  throw coded(
    'CLEARWAY_UNSUPPORTED',
    new Error(`/dev/kvm speaks version ${version} of its interface, and this needs ${kvmVersion}`),
  );
}

/** See the file's head. It belongs to the thread that runs it. */
export class Machine {
  readonly memory: Region;
  readonly descriptor: number;
  readonly processor: number;
  /** struct kvm_run. */
  readonly run: DataView<ArrayBuffer>;
  readonly runAddress: number;
  readonly tscKhz: number;
  readonly #kvm: number;
  readonly #area: Mapping;

  /** @param memoryBytes in whole pages. @throws SystemError, Error where there is no KVM of x86-64 */
  constructor(memoryBytes: number) {
    if (process.arch !== 'x64')
      throw coded('CLEARWAY_UNSUPPORTED', new Error(`guests are for x86-64, and this host is ${process.arch}`));
    this.#kvm = openKvmDevice();
    const opened = [this.#kvm];
    let memory: Region | undefined;
    try {
      this.memory = memory = new Region(memoryBytes, { kind: 'memfd', name: 'clearway-guest' });
      this.descriptor = createMachine(this.#kvm);
      opened.unshift(this.descriptor);
      setMachineMemory(this.descriptor, 0, 0, this.memory.byteLength, this.memory.address);
      this.processor = createProcessor(this.descriptor);
      opened.unshift(this.processor);
      copyCpuid(this.#kvm, this.processor);
      this.tscKhz = tscKhzOf(this.processor);
      this.#area = mapRunArea(this.#kvm, this.processor);
    } catch (error) {
      for (const fd of opened) closeDescriptor(fd);
      memory?.unmap();
      throw error;
    }
    this.run = new DataView(this.#area.buffer);
    this.runAddress = this.#area.address;
  }

  /** Puts the processor where it begins. @throws SystemError */
  enterUser(where: UserEntry): void {
    const sregs = getSystemRegisters(this.processor);
    const segment = (
      at: number,
      selector: number,
      type: number,
      base: number,
      limit: number,
      flags: number[],
    ): void => {
      sregs.setBigUint64(at, BigInt(base), true);
      sregs.setUint32(at + 8, limit, true);
      sregs.setUint16(at + 12, selector, true);
      // type, present, dpl, db, s, l, g, avl, unusable
      for (const [index, value] of [type, 1, ...flags, 0, 0].entries()) sregs.setUint8(at + 14 + index, value);
    };
    segment(Sregs.cs, where.codeSelector, 11, 0, 0xffff_ffff, [3, 0, 1, 1, 1]);
    for (const at of [Sregs.ds, Sregs.es, Sregs.fs, Sregs.gs, Sregs.ss])
      segment(at, where.dataSelector, 3, 0, 0xffff_ffff, [3, 1, 1, 0, 1]);
    segment(Sregs.tr, 0x30, 11, where.tss, 0x2068, [0, 0, 0, 0, 0]);
    const table = (at: number, base: number, limit: number): void => {
      sregs.setBigUint64(at, BigInt(base), true);
      sregs.setUint16(at + 8, limit, true);
    };
    table(Sregs.gdt, where.gdt, 63);
    table(Sregs.idt, where.idt, 511);
    sregs.setBigUint64(Sregs.cr0, 0x8005_0033n, true);
    sregs.setBigUint64(Sregs.cr3, BigInt(where.pageTables), true);
    sregs.setBigUint64(Sregs.cr4, 0x620n, true);
    sregs.setBigUint64(Sregs.efer, 0xd01n, true);
    setSystemRegisters(this.processor, sregs);
    const registers = getRegisters(this.processor);
    registers.setBigUint64(Regs.rsp, BigInt(where.stackTop), true);
    registers.setBigUint64(Regs.rip, BigInt(where.entry), true);
    // No interrupts; ports are for CPL 3 too (an I/O privilege level of 3, and the bits behind the TSS).
    registers.setBigUint64(Regs.rflags, 0x3002n, true);
    setRegisters(this.processor, registers);
  }

  /** Where the processor stands, for whoever wants to know why it ended: the instruction, and the address of the last page fault. */
  whereabouts(): { rip: bigint; cr2: bigint } {
    return {
      rip: getRegisters(this.processor).getBigUint64(Regs.rip, true),
      cr2: getSystemRegisters(this.processor).getBigUint64(Sregs.cr2, true),
    };
  }

  /** Takes it all down. Nobody uses its memory any more. */
  close(): void {
    unmapRunArea(this.#area);
    for (const fd of [this.processor, this.descriptor, this.#kvm]) closeDescriptor(fd);
    this.memory.unmap();
  }
}
