// What the field guide meters: a program, how to start it, and the loads it is put under. One file for each program has them;
// main.ts lists them all.

import type { Load } from './client.js';

/** A load that the guide's own generator performs, and what is known beforehand of its answers. */
export interface NamedLoad extends Load {
  /** In words: `GET, 64 KiB`. */
  readonly name: string;
  /** Bytes of content in each answer; a run with others is no run. */
  readonly contentBytes: number;
}

/** The load by a generator that others use, where there is one. */
export interface UsualLoad {
  readonly name: string;
  /** Why it cannot run here; undefined when it can. */
  absence(): string | undefined;
  /** A command to run beforehand, not metered. */
  readonly prepare?: readonly string[];
  /** The command line: the program and its arguments. */
  readonly command: readonly string[];
  /** The generator's own count of bytes received, read from what it printed; undefined where it counts none. */
  receivedBytes?(stdout: string): number;
}

/** A program that runs and answers. */
export interface RunningSubject {
  readonly processId: number;
  readonly loads: readonly NamedLoad[];
  readonly usual: UsualLoad | undefined;
  stop(): Promise<void>;
}

/** Where a subject may put its files. */
export interface SubjectContext {
  /** A directory with the files of {@link siteFiles}. */
  readonly siteDirectory: string;
  /** An empty directory of this subject's own. */
  readonly scratchDirectory: string;
  /** Bytes that a load should move at least, and requests that it should make at most. */
  readonly bytesPerLoad: number;
  readonly mostRequests: number;
  /** Only these loads, by a part of their name; all where it is undefined. */
  readonly loads?: string | undefined;
}

/** One program of the guide. */
export interface Subject {
  readonly name: string;
  /** Why it cannot run here, with what mends it; undefined when it can. */
  absence(): string | undefined;
  start(context: SubjectContext): Promise<RunningSubject>;
}

/** The files of the site by name, in bytes. */
export const siteFiles: Readonly<Record<string, number>> = {
  '4KiB.bin': 4096,
  '64KiB.bin': 65_536,
  '1MiB.bin': 1 << 20,
};

export const connections = 4;

/** Requests on each of {@link connections} so that a load moves enough and does not take for ever. */
export function requestsFor({ bytesPerLoad, mostRequests }: SubjectContext, bytesEach: number): number {
  const wanted = Math.ceil(bytesPerLoad / Math.max(1, bytesEach));
  return Math.max(1, Math.ceil(Math.min(wanted, mostRequests) / connections));
}

/** `64 KiB`, `100 B`. */
export function sizeName(bytes: number): string {
  if (bytes % 1048576 === 0) return `${bytes / 1048576} MiB`;
  return bytes % 1024 === 0 ? `${bytes / 1024} KiB` : `${bytes} B`;
}
