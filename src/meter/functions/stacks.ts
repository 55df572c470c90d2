// Who did it: the kernel stacks on which buffers were linearised or zero-copy was taken back, with bytes and events of
// each. Rare events, so a stack walk of them is affordable.

import { readFileSync } from 'node:fs';
import { type Assembler, fp, type Register, r0, r1, stack } from '../../bpf/assembler.js';
import type { BpfMap, MapSpec } from '../../bpf/map.js';
import { keyBytes, keyOffset } from '../accounts/account-code.js';
import type { AccountRow } from '../accounts/accounts.js';
import { type CauseName, causeNames, causeOffset } from '../accounts/causes.js';
import { ownerKeyAt, stackBelowOwner } from './owner.js';

const depth = 24;

/** Where in the key of `meter_blame` its parts lie: the stack's id, the counter's place, and the key of the account. */
const blameOffset = { stack: 0, place: 4, account: 8 } as const;
const blameKeyBytes = blameOffset.account + keyBytes;

export const stackMaps: readonly MapSpec[] = [
  { name: 'meter_stacks', type: 'stack_trace', keyBytes: 4, valueBytes: depth * 8, maxEntries: 2048 },
  { name: 'meter_blame', type: 'lru_hash', keyBytes: blameKeyBytes, valueBytes: 16, maxEntries: 4096 },
];

/** Programs keep variables of their own right below the owner's. */
const ownVariablesBytes = 16;
const keyAt = stackBelowOwner - ownVariablesBytes - blameKeyBytes;
const valueAt = keyAt - 16;
/** BPF_F_FAST_STACK_CMP: stacks are compared by their hash. */
const compareByHash = 1 << 9;

/**
 * Counts `amount` for the stack the program was called on and the account whose key stands at `ownerKeyAt`. Clobbers r0..r5.
 * @param context survives calls, as `amount`.
 */
export function emitNoteStack(a: Assembler, context: Register, cause: CauseName, amount: Register): Assembler {
  const fresh = a.uniqueLabel('new_stack');
  const noted = a.uniqueLabel('stack_noted');
  const kept = a.uniqueLabel('stack_kept');
  a.call('get_stackid', { context, map: { map: 'meter_stacks' }, flags: compareByHash })
    .jumpIf(r0, 's>=', 0, kept)
    .comment('no room for this stack: its bytes are noted without one')
    .move(r0, -1)
    .label(kept)
    .store(4, fp, keyAt + blameOffset.stack, r0)
    .store(4, fp, keyAt + blameOffset.place, causeOffset(cause));
  for (let offset = 0; offset < keyBytes; offset += 8) {
    a.load(8, r1, fp, ownerKeyAt + offset).store(8, fp, keyAt + blameOffset.account + offset, r1);
  }
  return a
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

/** Whose doing a way was; process 0 where that is not known. */
export type BlameOwner = Pick<AccountRow, 'processId' | 'startNs' | 'cgroupId'>;

/** Reads every way of those owners that are wanted, the one with the most bytes first. */
export function readBlame(
  maps: Readonly<Record<string, BpfMap>>,
  symbols: KernelSymbols,
  wanted: (owner: BlameOwner) => boolean,
): Blame[] {
  const rows: { stackId: number; place: number; bytes: number; events: number }[] = [];
  maps['meter_blame']!.forEach((key, value) => {
    const { account } = blameOffset;
    const owner = {
      processId: key.getUint32(account + keyOffset.process, true),
      startNs: Number(key.getBigUint64(account + keyOffset.start, true)),
      cgroupId: key.getBigUint64(account + keyOffset.cgroup, true).toString(),
    };
    if (!wanted(owner)) return;
    rows.push({
      stackId: key.getUint32(blameOffset.stack, true),
      place: key.getUint32(blameOffset.place, true),
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
  const noted: Uint8Array[] = [];
  maps['meter_blame']?.forEach((key) => {
    const kept = new Uint8Array(blameKeyBytes);
    for (let index = 0; index < blameKeyBytes; index++) kept[index] = key.getUint8(index);
    noted.push(kept);
  });
  for (const key of noted) maps['meter_blame']!.delete(key);
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
