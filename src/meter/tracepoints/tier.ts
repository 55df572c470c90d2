// The tracepoint tier as a whole: its programs and maps. It needs no function entry, so it runs on locked-down hosts.

import type { TypeSource } from '../../bpf/assembler.js';
import type { MapSpec } from '../../bpf/map.js';
import type { ProgramSet, SetMember } from '../../bpf/program-set.js';
import { accountMaps } from '../accounts/account-code.js';
import { type Tier, unseenByTracepoints } from '../accounts/causes.js';
import { forkProgram, treeMaps } from '../accounts/process-tree.js';
import { exitProgram } from '../accounts/task-accounts.js';
import { receivePrograms } from './receive.js';
import { revertProgram } from './revert.js';
import { sendPrograms } from './send.js';

/** Every map of the tier. */
export const tracepointMaps: readonly MapSpec[] = [...accountMaps, ...treeMaps];

/**
 * Every program of the tier, for a kernel's types; with `sockets`, accounts by socket too (socket-accounts.ts); with
 * `stacks`, kernel stacks of what was reverted. @throws MissingTypeError where the kernel lacks a type it needs.
 */
export function tracepointPrograms(types: TypeSource, sockets = false, stacks = false): SetMember[] {
  return [
    exitProgram(types),
    ...sendPrograms(types, sockets),
    ...receivePrograms(types, sockets),
    revertProgram(types, stacks),
    forkProgram(types),
  ];
}

/** A tier as the meter opens it. Tiers share the causes, the accounts and the pieces of account-code.ts. */
export interface TierPrograms {
  readonly tier: Tier;
  readonly maps: readonly MapSpec[];
  /**
   * The programs for a kernel's types; with `sockets`, accounts by socket too; with `stacks`, kernel stacks too where they
   * are not there anyway. @throws MissingTypeError
   */
  programs(types: TypeSource, sockets: boolean, stacks: boolean): SetMember[];
  /** Once the programs are attached: what they need to know of the host as it is. */
  prepare?(types: TypeSource, set: ProgramSet): void;
  /** Line by line, what the tier cannot see with the programs of `set`. */
  unseen(set: ProgramSet): readonly string[];
}

export const tracepointTier: TierPrograms = {
  tier: 'tracepoints',
  maps: tracepointMaps,
  programs: tracepointPrograms,
  unseen: () => unseenByTracepoints,
};
