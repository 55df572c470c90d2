// Several programs over shared maps, as one thing: load all, attach all, close all. A program that the kernel refuses is
// either fatal or, where it is optional, noted by name and left out.

import { attachTracing, type Link } from './link.js';
import { BpfMap, type MapSpec } from './map.js';
import { BpfProgram, type ProgramSource } from './program.js';
import { RefusedError } from './refusals.js';

/** A program of a set; `optional` ones may be refused. */
export interface SetMember extends ProgramSource {
  readonly optional?: boolean;
}

/** Loaded programs with their maps, links and refusals. */
export class ProgramSet {
  readonly maps: Readonly<Record<string, BpfMap>>;
  readonly programs: readonly BpfProgram[];
  /** What was refused, in the order of the members; empty on a host that takes everything. */
  readonly refused: readonly RefusedError[];
  private links: Link[] = [];

  private constructor(
    maps: Readonly<Record<string, BpfMap>>,
    programs: readonly BpfProgram[],
    refused: readonly RefusedError[],
  ) {
    this.maps = maps;
    this.programs = programs;
    this.refused = refused;
  }

  /**
   * Creates the maps and loads the programs. @param given maps made elsewhere (a ring buffer's) by name.
   * @throws RefusedError for a map or a member that is not optional; nothing stays behind then.
   */
  static load(
    specs: readonly MapSpec[],
    members: readonly SetMember[],
    given: Readonly<Record<string, BpfMap>> = {},
  ): ProgramSet {
    const maps: Record<string, BpfMap> = {};
    const programs: BpfProgram[] = [];
    const refused: RefusedError[] = [];
    try {
      for (const spec of specs) maps[spec.name] = BpfMap.create(spec);
      for (const member of members) {
        try {
          programs.push(BpfProgram.load(member, { ...given, ...maps }));
        } catch (error) {
          if (!(error instanceof RefusedError) || member.optional !== true) throw error;
          refused.push(error);
        }
      }
      return new ProgramSet(maps, programs, refused);
    } catch (error) {
      for (const program of programs) program.close();
      for (const map of Object.values(maps)) map.close();
      throw error;
    }
  }

  /**
   * Attaches every tracing program to its target, in order. @throws RefusedError; what was attached is detached again.
   */
  attach(): void {
    try {
      for (const program of this.programs) this.links.push(attachTracing(program));
    } catch (error) {
      this.detach();
      throw error;
    }
  }

  /** Detaches all, the last first; maps keep what was counted. */
  detach(): void {
    for (const link of this.links.reverse()) link.detach();
    this.links = [];
  }

  /** Detaches and frees everything of this set. */
  close(): void {
    this.detach();
    for (const program of this.programs) program.close();
    for (const map of Object.values(this.maps)) map.close();
  }
}
