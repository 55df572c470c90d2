// /dev/kvm by ioctl(2) (linux/kvm.h, Documentation/virt/kvm/api.rst), for guests of x86-64: machines, their memory, processors and what these hold. Values
// are -errno where nothing else is said. Not here: what a machine is made of (kvm/), what a guest's exits mean (vmm/).

import { AT, O } from './constants.js';
import { syscall3, syscall6 } from './ffi.js';
import { cString, MAP, type Mapping, mapMemory, PROT, scratch, unmapMemory } from './memory.js';
import { sys } from './numbers.js';
import { check } from './system-error.js';

/** Requests of ioctl(2). */
const Request = {
  version: 0xae00,
  createMachine: 0xae01,
  runBytes: 0xae04,
  supportedCpuid: 0xc008_ae05,
  createProcessor: 0xae41,
  setMemory: 0x4020_ae46,
  run: 0xae80,
  getRegisters: 0x8090_ae81,
  setRegisters: 0x4090_ae82,
  getSystemRegisters: 0x8138_ae83,
  setSystemRegisters: 0x4138_ae84,
  setCpuid: 0x4008_ae90,
  getTscKhz: 0xaea3,
  joinEvent: 0x4040_ae79,
} as const;

/** Of struct kvm_ioeventfd: only this value signals. */
const eventMatchesValue = 1;

/** The interface's version, which has not changed since Linux 2.6.22. */
export const kvmVersion = 12;

/** Why a processor stopped (struct kvm_run, exit_reason). */
export const KvmExit = {
  unknown: 0,
  io: 2,
  debug: 4,
  halt: 5,
  mmio: 6,
  shutdown: 8,
  failEntry: 9,
  interrupted: 10,
  internalError: 17,
  systemEvent: 24,
} as const;

/** Opens /dev/kvm. Returns its descriptor or -errno (-ENOENT: no KVM; -EACCES: not of its group). */
export function openKvm(): number {
  return syscall6(sys.openat, AT.FDCWD, cString('/dev/kvm'), O.RDWR | O.CLOEXEC);
}

/** The version of the interface. */
export function kvmVersionOf(kvm: number): number {
  return syscall3(sys.ioctl, kvm, Request.version, 0);
}

/** A machine without memory and processors. @throws SystemError */
export function createMachine(kvm: number): number {
  return check(syscall3(sys.ioctl, kvm, Request.createMachine, 0), 'ioctl', 'KVM_CREATE_VM');
}

/** The first processor of a machine. @throws SystemError */
export function createProcessor(machine: number): number {
  return check(syscall3(sys.ioctl, machine, Request.createProcessor, 0), 'ioctl', 'KVM_CREATE_VCPU');
}

/** Memory of this process becomes memory of a machine, in its slot `slot`. @throws SystemError */
export function setMachineMemory(
  machine: number,
  slot: number,
  guestAddress: number,
  length: number,
  address: number,
): void {
  const { data, offset, address: at } = scratch(32);
  data.setUint32(offset, slot, true);
  data.setUint32(offset + 4, 0, true);
  data.setBigUint64(offset + 8, BigInt(guestAddress), true);
  data.setBigUint64(offset + 16, BigInt(length), true);
  data.setBigUint64(offset + 24, BigInt(address), true);
  check(syscall3(sys.ioctl, machine, Request.setMemory, at), 'ioctl', 'KVM_SET_USER_MEMORY_REGION');
}

/** A write of 4 bytes with this value to an address of a machine signals a descriptor, and its processor does not stop. Returns 0 or -errno. */
export function signalOnWrite(machine: number, address: number, value: number, fd: number): number {
  const { data, offset, address: at } = scratch(64);
  for (let index = 0; index < 64; index += 4) data.setUint32(offset + index, 0, true);
  data.setBigUint64(offset, BigInt(value), true);
  data.setBigUint64(offset + 8, BigInt(address), true);
  data.setUint32(offset + 16, 4, true);
  data.setInt32(offset + 20, fd, true);
  data.setUint32(offset + 24, eventMatchesValue, true);
  return syscall3(sys.ioctl, machine, Request.joinEvent, at);
}

/** What the kernel and a processor tell one another of its stops. @throws SystemError */
export function mapRunArea(kvm: number, processor: number): Mapping {
  const bytes = check(syscall3(sys.ioctl, kvm, Request.runBytes, 0), 'ioctl', 'KVM_GET_VCPU_MMAP_SIZE');
  return mapMemory(bytes, PROT.READ | PROT.WRITE, MAP.SHARED, processor);
}

/** Gives it back. */
export function unmapRunArea(area: Mapping): void {
  unmapMemory(area);
}

/** Runs a processor until it stops. Returns 0 or -errno (-EINTR: a signal, or it was told to stop at once). */
export function runProcessor(processor: number): number {
  return syscall3(sys.ioctl, processor, Request.run, 0);
}

const cpuidEntries = 256;

/** A processor says of itself what the host's can do. @throws SystemError */
export function copyCpuid(kvm: number, processor: number): void {
  const { data, offset, address } = scratch(8 + 40 * cpuidEntries);
  data.setUint32(offset, cpuidEntries, true);
  data.setUint32(offset + 4, 0, true);
  check(syscall3(sys.ioctl, kvm, Request.supportedCpuid, address), 'ioctl', 'KVM_GET_SUPPORTED_CPUID');
  check(syscall3(sys.ioctl, processor, Request.setCpuid, address), 'ioctl', 'KVM_SET_CPUID2');
}

/** Ticks of a processor's clock in a millisecond. @throws SystemError */
export function tscKhzOf(processor: number): number {
  return check(syscall3(sys.ioctl, processor, Request.getTscKhz, 0), 'ioctl', 'KVM_GET_TSC_KHZ');
}

/** A structure of registers, as bytes. */
function getStructure(processor: number, request: number, bytes: number, what: string): DataView<ArrayBuffer> {
  const { data, offset, address } = scratch(bytes);
  check(syscall3(sys.ioctl, processor, request, address), 'ioctl', what);
  const copy = new DataView(new ArrayBuffer(bytes));
  for (let at = 0; at < bytes; at += 8) copy.setBigUint64(at, data.getBigUint64(offset + at, true), true);
  return copy;
}

function setStructure(processor: number, request: number, view: DataView<ArrayBuffer>, what: string): void {
  const { data, offset, address } = scratch(view.byteLength);
  for (let at = 0; at < view.byteLength; at += 8) data.setBigUint64(offset + at, view.getBigUint64(at, true), true);
  check(syscall3(sys.ioctl, processor, request, address), 'ioctl', what);
}

/** struct kvm_regs: 18 registers of 8 bytes: rax rbx rcx rdx rsi rdi rsp rbp, r8 to r15, rip, rflags. @throws SystemError */
export function getRegisters(processor: number): DataView<ArrayBuffer> {
  return getStructure(processor, Request.getRegisters, 144, 'KVM_GET_REGS');
}

/** @throws SystemError */
export function setRegisters(processor: number, registers: DataView<ArrayBuffer>): void {
  setStructure(processor, Request.setRegisters, registers, 'KVM_SET_REGS');
}

/** struct kvm_sregs: segments and tables of 24 and 16 bytes, control registers from 224 on. @throws SystemError */
export function getSystemRegisters(processor: number): DataView<ArrayBuffer> {
  return getStructure(processor, Request.getSystemRegisters, 312, 'KVM_GET_SREGS');
}

/** @throws SystemError */
export function setSystemRegisters(processor: number, registers: DataView<ArrayBuffer>): void {
  setStructure(processor, Request.setSystemRegisters, registers, 'KVM_SET_SREGS');
}
