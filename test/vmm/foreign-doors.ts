// The doors of an image that other monitors use, entered by our own: a machine made as the 64-bit boot protocol of Linux and as PVH say, so that what an image does itself
// at CPL 0 (src/core/machine/boot.ts; src/image/boot.c where gcc made it) and the way out of it are run by KVM as well. What a guest is told is in low memory; how it is
// entered, in the processor's registers. For doors.test.ts.

import { getRegisters, getSystemRegisters, setRegisters, setSystemRegisters } from '../../src/kernel/kvm.js';
import type { Machine } from '../../src/kvm/machine.js';
import type { Image } from '../../src/vmm/image-file.js';

/** Where a monitor puts what it tells, below the image. */
const Place = { gdt: 0x500, tables: 0x1000, params: 0x1_0000, map: 0x1_1000, line: 0x1_2000 } as const;
const imageBase = 0x10_0000;

/** Registers' places (linux/kvm.h). */
const Regs = { rbx: 8, rsi: 32, rsp: 48, rip: 128, rflags: 136 } as const;
const Sregs = {
  segments: [0, 24, 48, 72, 96, 120],
  tr: 144,
  gdt: 192,
  idt: 208,
  cr0: 224,
  cr3: 240,
  cr4: 248,
  efer: 264,
} as const;

/** The memory map: what is below 640 KiB, and all from 1 MiB on. */
function memoryMap(memory: DataView, at: number, entryBytes: number, end: number): void {
  for (const [index, [from, bytes]] of [
    [0, 0xa_0000],
    [imageBase, end - imageBase],
  ].entries()) {
    const entry = at + index * entryBytes;
    memory.setBigUint64(entry, BigInt(from!), true);
    memory.setBigUint64(entry + 8, BigInt(bytes!), true);
    memory.setUint32(entry + 16, 1, true);
  }
}

interface Segments {
  readonly code: { readonly long: number; readonly wide: number };
  readonly registers: Readonly<Record<'cr0' | 'cr3' | 'cr4' | 'efer', bigint>>;
}

/** The processor at CPL 0, with flat segments. */
function enter(machine: Machine, entry: number, told: 'rbx' | 'rsi', at: number, how: Segments): void {
  const sregs = getSystemRegisters(machine.processor);
  for (const [index, place] of Sregs.segments.entries()) {
    const isCode = index === 0;
    sregs.setBigUint64(place, 0n, true);
    sregs.setUint32(place + 8, 0xffff_ffff, true);
    sregs.setUint16(place + 12, isCode ? 8 : 16, true);
    // type, present, dpl, db, s, l, g, avl, unusable
    const { long, wide } = how.code;
    const bits = isCode ? [11, 1, 0, wide, 1, long, 1, 0, 0] : [3, 1, 0, 1, 1, 0, 1, 0, 0];
    for (const [bit, value] of bits.entries()) sregs.setUint8(place + 14 + bit, value);
  }
  sregs.setBigUint64(Sregs.gdt, BigInt(Place.gdt), true);
  sregs.setUint16(Sregs.gdt + 8, 23, true);
  sregs.setBigUint64(Sregs.idt, 0n, true);
  sregs.setUint16(Sregs.idt + 8, 0, true);
  for (const [name, value] of Object.entries(how.registers))
    sregs.setBigUint64(Sregs[name as keyof Segments['registers']], value, true);
  setSystemRegisters(machine.processor, sregs);
  const registers = getRegisters(machine.processor);
  registers.setBigUint64(Regs[told], BigInt(at), true);
  registers.setBigUint64(Regs.rip, BigInt(entry), true);
  registers.setBigUint64(Regs.rsp, 0n, true);
  registers.setBigUint64(Regs.rflags, 2n, true);
  setRegisters(machine.processor, registers);
}

/** The image's parts and the command line, in memory as a firmware may leave it: nothing else of it is 0. */
function load(machine: Machine, image: Image, line: string): DataView {
  const bytes = new Uint8Array(machine.memory.buffer);
  bytes.fill(0, 0, imageBase);
  bytes.fill(0xa5, imageBase);
  for (const { address, byteLength, bytes: own } of image.parts) {
    bytes.fill(0, address, address + byteLength);
    bytes.set(own, address);
  }
  new TextEncoder().encodeInto(`${line}\0`, bytes.subarray(Place.line));
  return new DataView(machine.memory.buffer);
}

/** Enters as Linux is entered at its 64-bit entry (Documentation/arch/x86/boot.rst): rsi leads to struct boot_params, memory is mapped as it is. */
export function enterByLinux(machine: Machine, image: Image, file: DataView, line: string): void {
  const memory = load(machine, image, line);
  memory.setUint32(Place.params + 0x228, Place.line, true);
  memory.setUint8(Place.params + 0x1e8, 2);
  memoryMap(memory, Place.params + 0x2d0, 20, machine.memory.byteLength);
  memory.setBigUint64(Place.gdt + 8, 0x00af_9b00_0000_ffffn, true);
  memory.setBigUint64(Place.gdt + 16, 0x00cf_9300_0000_ffffn, true);
  memory.setBigUint64(Place.tables, BigInt(Place.tables + 0x1000) | 3n, true);
  memory.setBigUint64(Place.tables + 0x1000, BigInt(Place.tables + 0x2000) | 3n, true);
  for (let index = 0; index < 512; index++)
    memory.setBigUint64(Place.tables + 0x2000 + index * 8, BigInt(index * 0x20_0000) | 0x83n, true);
  const registers = { cr0: 0x8000_0011n, cr3: BigInt(Place.tables), cr4: 0x20n, efer: 0x500n };
  const entry = Number(file.getBigUint64(24, true));
  enter(machine, entry, 'rsi', Place.params, { code: { long: 1, wide: 0 }, registers });
}

/** Where the note of Xen says that PVH enters. */
function pvhEntry(file: DataView): number {
  for (let at = 0; at + 24 <= file.byteLength; at += 4)
    if (
      file.getUint32(at, true) === 4 &&
      file.getUint32(at + 8, true) === 18 &&
      file.getUint32(at + 12) === 0x5865_6e00
    )
      return Number(file.getBigUint64(at + 16, true));
  throw new Error('the image has no note of PVH');
}

/** Enters as PVH says (xen/include/public/arch-x86/hvm/start_info.h): 32 bits, no paging, ebx leads to struct hvm_start_info. @param map where that says that the memory map is */
export function enterByPvh(
  machine: Machine,
  image: Image,
  file: DataView,
  line: string,
  map: number = Place.map,
): void {
  const memory = load(machine, image, line);
  memory.setUint32(Place.params, 0x336e_c578, true);
  memory.setUint32(Place.params + 4, 1, true);
  memory.setBigUint64(Place.params + 24, BigInt(Place.line), true);
  memory.setBigUint64(Place.params + 40, BigInt(map), true);
  memory.setUint32(Place.params + 48, 2, true);
  memoryMap(memory, Place.map, 24, machine.memory.byteLength);
  memory.setBigUint64(Place.gdt + 8, 0x00cf_9b00_0000_ffffn, true);
  memory.setBigUint64(Place.gdt + 16, 0x00cf_9300_0000_ffffn, true);
  const registers = { cr0: 0x11n, cr3: 0n, cr4: 0n, efer: 0n };
  enter(machine, pvhEntry(file), 'rbx', Place.params, { code: { long: 0, wide: 1 }, registers });
}
