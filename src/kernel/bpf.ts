// bpf(2): one typed function per command, over syscall3. Results are the kernel's value or -errno; nothing throws for a
// kernel error, because most refusals here are answers, and bpf/refusals.ts names them.
// Addresses are of mapped memory (memory.ts). The layouts are those of union bpf_attr (include/uapi/linux/bpf.h).

import { Errno } from './errno.js';
import { syscall3, syscall6, viewMemory } from './ffi.js';
import { cString, MAP, mapMemory, PROT, pageBytes, type Scratch, scratch, unmapMemory } from './memory.js';
import { sys } from './numbers.js';

const Command = {
  mapCreate: 0,
  mapLookup: 1,
  mapUpdate: 2,
  mapDelete: 3,
  mapNextKey: 4,
  programLoad: 5,
  pin: 6,
  testRun: 10,
  programNextId: 11,
  mapNextId: 12,
  programById: 13,
  mapById: 14,
  info: 15,
  query: 16,
  rawTracepointOpen: 17,
  btfLoad: 18,
  btfById: 19,
  btfNextId: 23,
  mapLookupBatch: 24,
  mapLookupAndDeleteBatch: 25,
  linkCreate: 28,
  linkNextId: 31,
  enableStatistics: 32,
  iteratorCreate: 33,
} as const;

/** The kinds of objects that have ids of their own. */
export type BpfObjectKind = 'program' | 'map' | 'btf' | 'link';

const attributeBytes = 152;

function attributes(): Scratch {
  const place = scratch(attributeBytes);
  place.bytes.fill(0, place.offset, place.offset + attributeBytes);
  return place;
}

function command(number: number, place: Scratch): number {
  return syscall3(sys.bpf, number, place.address, attributeBytes);
}

function putAddress(place: Scratch, at: number, address: number): void {
  place.data.setBigUint64(place.offset + at, BigInt(address), true);
}

function putU32(place: Scratch, at: number, value: number): void {
  place.data.setUint32(place.offset + at, value, true);
}

function getU32(place: Scratch, at: number): number {
  return place.data.getUint32(place.offset + at, true);
}

/** Object names are 15 characters of letters, digits, `_` and `.`; others are replaced. */
function putName(place: Scratch, at: number, name: string): void {
  const allowed = name.replaceAll(/[^A-Za-z0-9_.]/g, '_');
  for (let index = 0; index < Math.min(15, allowed.length); index++) {
    place.bytes[place.offset + at + index] = allowed.charCodeAt(index);
  }
}

/** Runs `use` with temporary mapped memory of `length` bytes, zeroed, and unmaps it. */
function withMemory<T>(length: number, use: (address: number, bytes: Uint8Array) => T): T {
  const mapping = mapMemory(Math.max(length, 1), PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
  try {
    return use(mapping.address, new Uint8Array(mapping.buffer));
  } finally {
    unmapMemory(mapping);
  }
}

function place(bytes: Uint8Array, at: number, from: Uint8Array): void {
  for (let index = 0; index < from.length; index++) bytes[at + index] = from[index]!;
}

/** Answers of the kernel, taken out of memory that is about to be used again or unmapped. */
function take(bytes: Uint8Array, from: number, length: number): Uint8Array {
  const taken = new Uint8Array(length);
  for (let index = 0; index < length; index++) taken[index] = bytes[from + index]!;
  return taken;
}

/** close(2) of any BPF descriptor. */
export function bpfClose(fd: number): void {
  syscall3(sys.close, fd);
}

/** What a new map is to be; sizes in bytes. */
export interface MapCreate {
  readonly type: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly maxEntries: number;
  readonly flags?: number;
  readonly name?: string;
  readonly btfFd?: number;
  readonly keyTypeId?: number;
  readonly valueTypeId?: number;
}

/** BPF_MAP_CREATE. @returns the map's descriptor or -errno. */
export function bpfMapCreate(map: MapCreate): number {
  const at = attributes();
  putU32(at, 0, map.type);
  putU32(at, 4, map.keyBytes);
  putU32(at, 8, map.valueBytes);
  putU32(at, 12, map.maxEntries);
  putU32(at, 16, map.flags ?? 0);
  putName(at, 28, map.name ?? '');
  putU32(at, 48, map.btfFd ?? 0);
  putU32(at, 52, map.keyTypeId ?? 0);
  putU32(at, 56, map.valueTypeId ?? 0);
  return command(Command.mapCreate, at);
}

function element(number: number, fd: number, keyAddress: number, valueAddress: number, flags: number): number {
  const at = attributes();
  putU32(at, 0, fd);
  putAddress(at, 8, keyAddress);
  putAddress(at, 16, valueAddress);
  putAddress(at, 24, flags);
  return command(number, at);
}

/** BPF_MAP_LOOKUP_ELEM: copies the value to `valueAddress` (for per-CPU maps one after the other, 8-aligned). */
export function bpfMapLookup(fd: number, keyAddress: number, valueAddress: number): number {
  return element(Command.mapLookup, fd, keyAddress, valueAddress, 0);
}

/** BPF_MAP_UPDATE_ELEM. `flags`: 0 any, 1 only new, 2 only existing. */
export function bpfMapUpdate(fd: number, keyAddress: number, valueAddress: number, flags = 0): number {
  return element(Command.mapUpdate, fd, keyAddress, valueAddress, flags);
}

/** BPF_MAP_DELETE_ELEM. */
export function bpfMapDelete(fd: number, keyAddress: number): number {
  return element(Command.mapDelete, fd, keyAddress, 0, 0);
}

/** BPF_MAP_GET_NEXT_KEY; `keyAddress` 0 asks for the first. -ENOENT after the last. */
export function bpfMapNextKey(fd: number, keyAddress: number, nextAddress: number): number {
  return element(Command.mapNextKey, fd, keyAddress, nextAddress, 0);
}

/** The outcome of a batch: `result` 0 or -errno (-ENOENT: that was the last), `count` of entries written. */
export interface BatchOutcome {
  readonly result: number;
  readonly count: number;
}

/** BPF_MAP_LOOKUP_BATCH, or LOOKUP_AND_DELETE with `remove`. `from` 0 starts at the beginning; `next` receives the place. */
export function bpfMapBatch(
  fd: number,
  batch: { from: number; next: number; keys: number; values: number; count: number; remove: boolean },
): BatchOutcome {
  const at = attributes();
  putAddress(at, 0, batch.from);
  putAddress(at, 8, batch.next);
  putAddress(at, 16, batch.keys);
  putAddress(at, 24, batch.values);
  putU32(at, 32, batch.count);
  putU32(at, 36, fd);
  const result = command(batch.remove ? Command.mapLookupAndDeleteBatch : Command.mapLookupBatch, at);
  return { result, count: getU32(at, 32) };
}

/** What is to be loaded. `attachTypeId` is a BTF id; `attachBtfFd` the module's BTF it belongs to (0: the kernel). */
export interface ProgramLoad {
  readonly type: number;
  readonly expectedAttachType: number;
  readonly instructions: Uint8Array;
  readonly name: string;
  readonly flags?: number;
  readonly attachTypeId?: number;
  readonly attachBtfFd?: number;
  /** 0 no log, 1 log, 2 log everything. */
  readonly logLevel?: number;
}

/** SIG_BLOCK and SIG_SETMASK of sigprocmask(2). */
const signalBlock = 0;
const signalSetMask = 2;
const logBytes = 4 * 1024 * 1024;

/** Runs `use` with this thread's signals blocked: the verifier gives up (EAGAIN) when one comes, as a profiler's do. */
function withoutSignals(use: () => number): number {
  const sets = scratch(16);
  sets.bytes.fill(0xff, sets.offset, sets.offset + 8);
  const [all, before] = [sets.address, sets.address + 8];
  if (syscall6(sys.rt_sigprocmask, signalBlock, all, before, 8) < 0) return use();
  try {
    return use();
  } finally {
    syscall6(sys.rt_sigprocmask, signalSetMask, before, 0, 8);
  }
}

/** BPF_PROG_LOAD under a GPL-compatible licence. @returns the descriptor or -errno, and the verifier's log where asked. */
export function bpfProgramLoad(program: ProgramLoad): { result: number; log: string } {
  const level = program.logLevel ?? 0;
  const instructionsAt = 16;
  const logAt = instructionsAt + program.instructions.length;
  return withMemory(logAt + (level === 0 ? 0 : logBytes), (address, bytes) => {
    'Dual MIT/GPL'.split('').forEach((letter, index) => {
      bytes[index] = letter.charCodeAt(0);
    });
    place(bytes, instructionsAt, program.instructions);
    const at = attributes();
    putU32(at, 0, program.type);
    putU32(at, 4, program.instructions.length / 8);
    putAddress(at, 8, address + instructionsAt);
    putAddress(at, 16, address);
    if (level !== 0) {
      putU32(at, 24, level);
      putU32(at, 28, logBytes);
      putAddress(at, 32, address + logAt);
    }
    putU32(at, 44, program.flags ?? 0);
    putName(at, 48, program.name);
    putU32(at, 68, program.expectedAttachType);
    putU32(at, 108, program.attachTypeId ?? 0);
    putU32(at, 112, program.attachBtfFd ?? 0);
    let result = command(Command.programLoad, at);
    if (result === -Errno.EAGAIN) result = withoutSignals(() => command(Command.programLoad, at));
    if (level === 0) return { result, log: '' };
    const end = bytes.indexOf(0, logAt);
    return { result, log: new TextDecoder('latin1').decode(bytes.subarray(logAt, end === -1 ? undefined : end)) };
  });
}

/** BPF_RAW_TRACEPOINT_OPEN: by `name` for raw tracepoints, without for programs that know their target (tp_btf, fentry). */
export function bpfRawTracepointOpen(programFd: number, name?: string): number {
  const nameAddress = name === undefined ? 0 : cString(name);
  const at = attributes();
  putAddress(at, 0, nameAddress);
  putU32(at, 8, programFd);
  return command(Command.rawTracepointOpen, at);
}

/** Where a link goes: a descriptor or interface index in `target` (0: none). */
export interface LinkCreate {
  readonly programFd: number;
  readonly attachType: number;
  readonly target?: number;
  readonly flags?: number;
  /** For iterators over a map: its descriptor. */
  readonly iteratorMapFd?: number;
}

/** BPF_LINK_CREATE. @returns the link's descriptor (closing it detaches) or -errno. */
export function bpfLinkCreate(link: LinkCreate): number {
  let info: Scratch | undefined;
  if (link.iteratorMapFd !== undefined) {
    info = scratch(16);
    info.bytes.fill(0, info.offset, info.offset + 16);
    putU32(info, 0, link.iteratorMapFd);
  }
  const at = attributes();
  putU32(at, 0, link.programFd);
  putU32(at, 4, link.target ?? 0);
  putU32(at, 8, link.attachType);
  putU32(at, 12, link.flags ?? 0);
  if (info !== undefined) {
    putAddress(at, 16, info.address);
    putU32(at, 24, 16);
  }
  return command(Command.linkCreate, at);
}

/** BPF_ITER_CREATE. @returns a descriptor to read(2) the iterator's output from, or -errno. */
export function bpfIteratorCreate(linkFd: number): number {
  const at = attributes();
  putU32(at, 0, linkFd);
  return command(Command.iteratorCreate, at);
}

/** BPF_BTF_LOAD. @returns a descriptor or -errno. */
export function bpfBtfLoad(btf: Uint8Array): number {
  return withMemory(btf.length, (address, bytes) => {
    place(bytes, 0, btf);
    const at = attributes();
    putAddress(at, 0, address);
    putU32(at, 16, btf.length);
    return command(Command.btfLoad, at);
  });
}

/** BPF_OBJ_PIN: keeps a program, map or link alive under a path of a bpf file system. */
export function bpfPin(fd: number, path: string): number {
  const pathAddress = cString(path);
  const at = attributes();
  putAddress(at, 0, pathAddress);
  putU32(at, 8, fd);
  return command(Command.pin, at);
}

/** The outcome of a test run: the program's result, the data after it, and the mean time of a repetition. */
export interface TestRun {
  readonly result: number;
  readonly returned: number;
  readonly data: Uint8Array;
  readonly context: Uint8Array;
  readonly durationNs: number;
}

/** BPF_PROG_TEST_RUN on a packet and, where the program type takes one, a context. */
export function bpfTestRun(
  programFd: number,
  data: Uint8Array,
  context: Uint8Array = new Uint8Array(0),
  repeat = 1,
): TestRun {
  const outBytes = data.length === 0 ? 0 : data.length + 4096;
  const contextAt = data.length + outBytes;
  return withMemory(contextAt + 2 * context.length, (address, bytes) => {
    place(bytes, 0, data);
    place(bytes, contextAt, context);
    const at = attributes();
    putU32(at, 0, programFd);
    putU32(at, 8, data.length);
    putU32(at, 12, outBytes);
    if (data.length > 0) {
      putAddress(at, 16, address);
      putAddress(at, 24, address + data.length);
    }
    putU32(at, 32, data.length === 0 ? 0 : repeat);
    if (context.length > 0) {
      putU32(at, 40, context.length);
      putU32(at, 44, context.length);
      putAddress(at, 48, address + contextAt);
      putAddress(at, 56, address + contextAt + context.length);
    }
    const result = command(Command.testRun, at);
    const outLength = Math.min(getU32(at, 12), outBytes);
    return {
      result,
      returned: getU32(at, 4),
      data: take(bytes, data.length, outLength),
      context: take(bytes, contextAt + context.length, context.length),
      durationNs: getU32(at, 36),
    };
  });
}

const nextIdCommand: Readonly<Record<BpfObjectKind, number>> = {
  program: Command.programNextId,
  map: Command.mapNextId,
  btf: Command.btfNextId,
  link: Command.linkNextId,
};

/** BPF_*_GET_NEXT_ID. @returns the next id after `id` (0: from the start), or -errno (-ENOENT: no more). */
export function bpfNextId(kind: BpfObjectKind, id: number): number {
  const at = attributes();
  putU32(at, 0, id);
  const result = command(nextIdCommand[kind], at);
  return result < 0 ? result : getU32(at, 4);
}

/** BPF_{PROG,MAP,BTF}_GET_FD_BY_ID. */
export function bpfDescriptorById(kind: 'program' | 'map' | 'btf', id: number): number {
  const at = attributes();
  putU32(at, 0, id);
  const number = { program: Command.programById, map: Command.mapById, btf: Command.btfById }[kind];
  return command(number, at);
}

/**
 * BPF_OBJ_GET_INFO_BY_FD: up to `length` bytes of the object's info struct (bpf_prog_info, bpf_map_info, bpf_link_info).
 * An empty array where the kernel refuses.
 */
export function bpfInfo(fd: number, length = 256): Uint8Array {
  const info = scratch(length);
  info.bytes.fill(0, info.offset, info.offset + length);
  const at = attributes();
  putU32(at, 0, fd);
  putU32(at, 4, length);
  putAddress(at, 8, info.address);
  const result = command(Command.info, at);
  return take(info.bytes, info.offset, result < 0 ? 0 : getU32(at, 4));
}

/** The name of a BTF object (`vmlinux`, a module's name), by the layout of struct bpf_btf_info; empty where unknown. */
export function bpfBtfName(fd: number): string {
  const name = scratch(64);
  const info = scratch(64);
  info.bytes.fill(0, info.offset, info.offset + 64);
  putAddress(info, 16, name.address);
  putU32(info, 24, 64);
  const at = attributes();
  putU32(at, 0, fd);
  putU32(at, 4, 32);
  putAddress(at, 8, info.address);
  if (command(Command.info, at) < 0) return '';
  const end = name.bytes.indexOf(0, name.offset);
  return new TextDecoder('latin1').decode(name.bytes.subarray(name.offset, end));
}

/** A mapped BPF ring buffer: one view of [consumer page][producer page][data][data again]. */
export interface RingMapping {
  readonly pageBytes: number;
  readonly dataBytes: number;
  readonly buffer: ArrayBuffer;
  unmap(): void;
}

/**
 * Maps a ring buffer map of `dataBytes`. Only the consumer's page may be written; the kernel maps the data twice in a
 * row, so a record never wraps (Documentation/bpf/ringbuf.rst). @returns -errno where mmap fails.
 */
export function bpfMapRing(fd: number, dataBytes: number): RingMapping | number {
  const page = pageBytes();
  const length = 2 * page + 2 * dataBytes;
  const address = syscall6(sys.mmap, 0, length, PROT.READ, MAP.SHARED, fd, 0);
  if (address < 0) return address;
  const consumer = syscall6(sys.mmap, address, page, PROT.READ | PROT.WRITE, MAP.SHARED | MAP.FIXED, fd, 0);
  if (consumer < 0) {
    syscall3(sys.munmap, address, length);
    return consumer;
  }
  return {
    pageBytes: page,
    dataBytes,
    buffer: viewMemory(address, length),
    unmap: () => void syscall3(sys.munmap, address, length),
  };
}

/**
 * BPF_PROG_QUERY: the ids of programs attached to a network device by tcx, at most 64.
 * @returns the ids; empty where there are none or this kernel has no tcx (before 6.6).
 */
export function bpfDevicePrograms(ifindex: number, direction: 'ingress' | 'egress'): number[] {
  const most = 64;
  const ids = scratch(most * 4);
  const at = attributes();
  putU32(at, 0, ifindex);
  putU32(at, 4, direction === 'ingress' ? 46 : 47);
  putAddress(at, 16, ids.address);
  putU32(at, 24, most);
  if (command(Command.query, at) < 0) return [];
  return Array.from({ length: getU32(at, 24) }, (_, index) => ids.data.getUint32(ids.offset + index * 4, true));
}

/** The name of a program by its id; empty where it is gone or has none. */
export function bpfProgramName(id: number): string {
  const fd = bpfDescriptorById('program', id);
  if (fd < 0) return '';
  const info = bpfInfo(fd, 128);
  bpfClose(fd);
  let name = '';
  for (let at = 64; at < 80 && info[at] !== 0 && info[at] !== undefined; at++) name += String.fromCharCode(info[at]!);
  return name;
}

/**
 * BPF_ENABLE_STATS: while the descriptor it gives is open the kernel counts runs and run time of every program of the host
 * (bpf_prog_info), which makes each run a little dearer. @returns the descriptor or -errno.
 */
export function bpfEnableStatistics(): number {
  return command(Command.enableStatistics, attributes());
}
