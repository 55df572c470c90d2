// Who did it: the kernel stacks on which buffers were linearised or zero-copy was taken back, with bytes and events of
// each. Rare events, so a stack walk of them is affordable.

import { readFileSync } from 'node:fs';
import { type Assembler, fp, type Register, r0, r1, stack } from '../bpf/assembler.js';
import type { BpfMap, MapSpec } from '../bpf/map.js';
import { type CauseName, causeNames, causeOffset } from './causes.js';
import { stackBelowOwner } from './function-owner.js';

const depth = 24;

export const stackMaps: readonly MapSpec[] = [
  { name: 'meter_stacks', type: 'stack_trace', keyBytes: 4, valueBytes: depth * 8, maxEntries: 2048 },
  { name: 'meter_blame', type: 'lru_hash', keyBytes: 8, valueBytes: 16, maxEntries: 2048 },
];

const keyAt = stackBelowOwner - 32;
const valueAt = stackBelowOwner - 48;
/** BPF_F_FAST_STACK_CMP: stacks are compared by their hash. */
const compareByHash = 1 << 9;

/** Counts `amount` for the stack the program was called on. Clobbers r0..r5. @param context survives calls, as `amount`. */
export function emitNoteStack(a: Assembler, context: Register, cause: CauseName, amount: Register): Assembler {
  const fresh = a.uniqueLabel('new_stack');
  const noted = a.uniqueLabel('stack_noted');
  const kept = a.uniqueLabel('stack_kept');
  return a
    .call('get_stackid', { context, map: { map: 'meter_stacks' }, flags: compareByHash })
    .jumpIf(r0, 's>=', 0, kept)
    .comment('no room for this stack: its bytes are noted without one')
    .move(r0, -1)
    .label(kept)
    .store(4, fp, keyAt, r0)
    .store(4, fp, keyAt + 4, causeOffset(cause))
    .call('map_lookup_elem', { map: { map: 'meter_blame' }, key: stack(keyAt) })
    .jumpIf(r0, '==', 0, fresh)
    .atomic('add', 8, r0, 0, amount)
    .move(r1, 1)
    .atomic('add', 8, r0, 8, r1)
    .jump(noted)
    .label(fresh)
    .store(8, fp, valueAt, amount)
    .store(8, fp, valueAt + 8, 1)
    .call('map_update_elem', { map: { map: 'meter_blame' }, key: stack(keyAt), value: stack(valueAt), flags: 0 })
    .label(noted);
}

/** One way that the kernel came to copy. */
export interface Blame {
  readonly cause: CauseName;
  readonly bytes: number;
  readonly events: number;
  /** Names of kernel functions, the innermost first; addresses where no name is known. */
  readonly stack: readonly string[];
}

/** The bits of a kernel address that differ; the others are all 1, and would not fit a number. */
const addressBits = 48;

/** Names kernel addresses; reads /proc/kallsyms once (tens of milliseconds), when first asked. */
export class KernelSymbols {
  private starts: Float64Array | undefined;
  private names: string[] = [];

  constructor(private readonly path = '/proc/kallsyms') {}

  /** True where the kernel shows no addresses in /proc/kallsyms (kernel.kptr_restrict): stacks are numbers then. */
  get hidden(): boolean {
    this.starts ??= this.load();
    return (this.starts.at(-1) ?? 0) === 0;
  }

  /** The function an address lies in; the address itself where it is not known. */
  name(address: bigint): string {
    this.starts ??= this.load();
    const wanted = Number(BigInt.asUintN(addressBits, address));
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle]! <= wanted) low = middle;
      else high = middle - 1;
    }
    const start = this.starts[low];
    if (start === undefined || start === 0 || start > wanted) return `0x${address.toString(16)}`;
    return this.names[low]!;
  }

  private load(): Float64Array {
    const rows = readFileSync(this.path, 'latin1')
      .split('\n')
      .map((line) => /^([0-9a-f]+) [tTwW] (\S+)/.exec(line))
      .filter((match) => match !== null)
      .map((match) => ({ start: Number.parseInt(match[1]!.slice(-addressBits / 4), 16), name: match[2]! }))
      .sort((left, right) => left.start - right.start);
    this.names = rows.map((row) => row.name);
    return Float64Array.from(rows, (row) => row.start);
  }
}

/** The meter's own machinery: trampolines and programs, which stand between a function and its caller. */
const own = /^bpf_(trampoline|prog)_|^bpf_get_stackid|^bpf_trace_run|^0x/;

/** Reads every way, the one with the most bytes first. */
export function readBlame(maps: Readonly<Record<string, BpfMap>>, symbols: KernelSymbols): Blame[] {
  const rows: { stackId: number; place: number; bytes: number; events: number }[] = [];
  maps['meter_blame']!.forEach((key, value) => {
    rows.push({
      stackId: key.getUint32(0, true),
      place: key.getUint32(4, true),
      bytes: Number(value.getBigUint64(0, true)),
      events: Number(value.getBigUint64(8, true)),
    });
  });
  const ways = rows.map(({ stackId, place, bytes, events }) => ({
    cause: causeNames.find((name) => causeOffset(name) === place)!,
    bytes,
    events,
    stack: stackOf(maps['meter_stacks']!, stackId, symbols),
  }));
  return merged(ways).sort((left, right) => right.bytes - left.bytes);
}

/** Ways that differ only in where within the same functions they went are one. */
function merged(ways: readonly Blame[]): Blame[] {
  const byNames = new Map<string, Blame>();
  for (const way of ways) {
    const names = `${way.cause} ${way.stack.join(' ')}`;
    const known = byNames.get(names);
    const sum = { bytes: way.bytes + (known?.bytes ?? 0), events: way.events + (known?.events ?? 0) };
    byNames.set(names, { ...way, ...sum });
  }
  return [...byNames.values()];
}

/** Forgets what was noted so far: the self-test's own, that is, which nobody asked for. */
export function forgetBlame(maps: Readonly<Record<string, BpfMap>>): void {
  const noted: [stackId: number, place: number][] = [];
  maps['meter_blame']?.forEach((key) => void noted.push([key.getUint32(0, true), key.getUint32(4, true)]));
  const key = new DataView(new ArrayBuffer(8));
  for (const [stackId, place] of noted) {
    key.setUint32(0, stackId, true);
    key.setUint32(4, place, true);
    maps['meter_blame']!.delete(new Uint8Array(key.buffer));
  }
}

function stackOf(map: BpfMap, stackId: number, symbols: KernelSymbols): string[] {
  const value = map.lookup(stackId);
  if (value === undefined) return [];
  const names: string[] = [];
  for (let index = 0; index < depth; index++) {
    const address = value.getBigUint64(index * 8, true);
    if (address === 0n) break;
    const name = symbols.name(address);
    if (symbols.hidden || !own.test(name)) names.push(name);
  }
  return names;
}
