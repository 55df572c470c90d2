// Several programs over shared maps, as one thing: load all, attach all, close all. A program that the kernel refuses is
// either fatal or, where it is optional, noted by name and left out.

import { detachAll } from './detach.js';
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
  private readonly refusals: RefusedError[];
  private links: Link[] = [];
  private readonly optional: ReadonlySet<BpfProgram>;

  private constructor(
    maps: Readonly<Record<string, BpfMap>>,
    programs: readonly BpfProgram[],
    refused: RefusedError[],
    optional: ReadonlySet<BpfProgram>,
  ) {
    this.optional = optional;
    this.maps = maps;
    this.programs = programs;
    this.refusals = refused;
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
    const optional = new Set<BpfProgram>();
    try {
      for (const spec of specs) maps[spec.name] = BpfMap.create(spec);
      for (const member of members) {
        try {
          const program = BpfProgram.load(member, { ...given, ...maps });
          programs.push(program);
          if (member.optional === true) optional.add(program);
        } catch (error) {
          if (!(error instanceof RefusedError) || member.optional !== true) throw error;
          refused.push(error);
        }
      }
      return new ProgramSet(maps, programs, refused, optional);
    } catch (error) {
      for (const program of programs) program.close();
      for (const map of Object.values(maps)) map.close();
      throw error;
    }
  }

  /** What was refused, at loading in the order of the members, then at attaching; empty on a host that takes everything. */
  get refused(): readonly RefusedError[] {
    return this.refusals;
  }

  /**
   * Attaches every tracing program to its target, in order; optional ones that cannot be are noted in {@link refused}.
   * @throws RefusedError; what was attached is detached again.
   */
  attach(): void {
    try {
      for (const program of this.programs) this.attachOne(program);
    } catch (error) {
      this.detach();
      throw error;
    }
  }

  private attachOne(program: BpfProgram): void {
    try {
      this.links.push(attachTracing(program));
    } catch (error) {
      if (!(error instanceof RefusedError) || !this.optional.has(program)) throw error;
      this.refusals.push(error);
    }
  }

  /** True where a program of this set runs at a target (a kernel function, a tracepoint). */
  attachedTo(target: string): boolean {
    return this.links.some(({ program }) => program.source.target === target);
  }

  /**
   * Detaches all, the last first; maps keep what was counted. Returns at once, also where the kernel takes seconds to
   * take function entries off (detach.ts): there the programs go one after the other while a process of ours ends.
   */
  detach(): void {
    detachAll(this.links);
    this.links = [];
  }

  /** Detaches and frees everything of this set; see {@link detach} for when it is gone. */
  close(): void {
    this.detach();
    for (const program of this.programs) program.close();
    for (const map of Object.values(this.maps)) map.close();
  }
}
