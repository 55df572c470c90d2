// A program that becomes another one under a seccomp filter: `node refuse-launcher.js ERRNO NAME[,NAME...] COMMAND ARGS...`.
// It installs the filter and calls execve; the filter outlives both. For tests, through refusing() of refuse.ts.

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { AUDIT_ARCH, F, MAP, PR, PROT, SECCOMP } from '../../src/kernel/constants.js';
import { Errno } from '../../src/kernel/errno.js';
import { bind, syscall3, syscall6 } from '../../src/kernel/ffi.js';
import { layouts } from '../../src/kernel/layouts.js';
import { type Mapping, mapMemory } from '../../src/kernel/memory.js';
import { type SyscallName, sys } from '../../src/kernel/numbers.js';
import { check } from '../../src/kernel/system-error.js';

/** Classic BPF: load a word of seccomp_data, jump when equal, return. */
const load = 0x20;
const jumpIfEqual = 0x15;
const giveBack = 0x06;

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, value: number];

/** A filter that gives `errno` for the calls named and lets every other one pass, also those of other architectures. */
function filterProgram(names: readonly string[], errno: number): Instruction[] {
  const { nr, arch } = layouts.seccomp_data.fields;
  const tests = names.map((name, index): Instruction => {
    const number = sys[name as SyscallName] as number | undefined;
    if (number === undefined) throw new RangeError(`no system call is called ${name}`);
    return [jumpIfEqual, names.length - index, 0, number];
  });
  return [
    [load, 0, 0, arch.offset],
    [jumpIfEqual, 0, names.length + 1, process.arch === 'arm64' ? AUDIT_ARCH.AARCH64 : AUDIT_ARCH.X86_64],
    [load, 0, 0, nr.offset],
    ...tests,
    [giveBack, 0, 0, SECCOMP.RET_ALLOW],
    [giveBack, 0, 0, SECCOMP.RET_ERRNO + errno],
  ];
}

function install(program: readonly Instruction[]): void {
  const { sock_filter: filter, sock_fprog: head } = layouts;
  const memory = readWrite(head.size + program.length * filter.size);
  const data = new DataView(memory.buffer);
  data.setUint16(head.fields.len.offset, program.length, true);
  data.setBigUint64(head.fields.filter.offset, BigInt(memory.address + head.size), true);
  program.forEach(([code, jumpTrue, jumpFalse, value], index) => {
    const at = head.size + index * filter.size;
    data.setUint16(at + filter.fields.code.offset, code, true);
    data.setUint8(at + filter.fields.jt.offset, jumpTrue);
    data.setUint8(at + filter.fields.jf.offset, jumpFalse);
    data.setUint32(at + filter.fields.k.offset, value, true);
  });
  check(syscall6(sys.prctl, PR.SET_NO_NEW_PRIVS, 1), 'prctl', 'PR_SET_NO_NEW_PRIVS');
  check(syscall3(sys.seccomp, SECCOMP.SET_MODE_FILTER, 0, memory.address), 'seccomp', 'SECCOMP_SET_MODE_FILTER');
}

function readWrite(length: number): Mapping {
  return mapMemory(length, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
}

/** The array of pointers to NUL-terminated strings that execve(2) takes; gives its address. */
function stringArray(strings: readonly string[]): number {
  const encoded = strings.map((text) => new TextEncoder().encode(`${text}\0`));
  const pointers = (strings.length + 1) * 8;
  const memory = readWrite(encoded.reduce((sum, bytes) => sum + bytes.length, pointers));
  const [data, bytes] = [new DataView(memory.buffer), new Uint8Array(memory.buffer)];
  let at = pointers;
  encoded.forEach((text, index) => {
    data.setBigUint64(index * 8, BigInt(memory.address + at), true);
    for (const byte of text) bytes[at++] = byte;
  });
  return memory.address;
}

/** Node marks the descriptors it starts with close-on-exec (uv_disable_stdio_inheritance): the program gets 0 to 2 back. */
function restoreStandardStreams(): void {
  for (const fd of [0, 1, 2]) syscall3(sys.fcntl, fd, F.SETFD, 0);
}

/** Node ignores SIGPIPE and an ignored signal stays ignored over execve: the program gets the default back. */
function restoreSignals(): void {
  const sigpipe = 13;
  bind('int64 signal(int number, int64 handler)')(sigpipe, 0);
}

function replaceBy(command: string, args: readonly string[]): never {
  const path = command.includes('/')
    ? command
    : (process.env.PATH ?? '')
        .split(delimiter)
        .map((folder) => join(folder, command))
        .find(existsSync);
  if (path === undefined) throw new RangeError(`there is no program ${command} in PATH`);
  const environment = Object.entries(process.env).map(([name, value]) => `${name}=${value}`);
  const [file, argv, envp] = [stringArray([path]), stringArray([command, ...args]), stringArray(environment)];
  const pathAddress = file + 16; // After the one pointer and the null behind it.
  restoreStandardStreams();
  restoreSignals();

  check(syscall3(sys.execve, pathAddress, argv, envp), 'execve', path);
  throw new Error('execve returned');
}

const [errnoText = '', names = '', command = '', ...args] = process.argv.slice(2);
const errno = (Errno as Readonly<Record<string, number>>)[errnoText];
if (errno === undefined) throw new RangeError(`no errno is called ${errnoText}`);
install(filterProgram(names.split(','), errno));
replaceBy(command, args);
