// What a peer of the benchmark is: a name, what keeps it from running here, and a way to start it on a directory.
// One file per kind of peer implements it; list.ts names them all.

import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Placing, startPinned, stopChild, waitForOutput } from '../host/child.js';

/** What a peer gets to start with. */
export interface StartContext {
  /** The directory to serve. */
  readonly siteDirectory: string;
  /** A directory of the run's own for compiled programs, configuration and temporary files; removed at the end. */
  readonly scratchDirectory: string;
  readonly placing: Placing;
  /** The file for an access log in the combined format, where one is to be kept. */
  readonly accessLogFile?: string;
  /** The port to listen on; any free one when undefined. */
  readonly port?: number;
  /** The address to listen on, where a peer can be told; 127.0.0.1 when undefined. */
  readonly address?: string;
}

/** A peer that answers. */
export interface RunningPeer {
  readonly name: string;
  readonly pid: number;
  /** `http://HOST:PORT`, without a slash at the end. */
  readonly origin: string;
  /** Where its metrics are, when it has any. */
  readonly metricsUrl: string | undefined;
  /** Makes a peer that keeps an access log write what it still holds; undefined for one that keeps none. */
  readonly flushLog?: (() => void) | undefined;
  stop(): Promise<void>;
}

/** One server of the comparison. */
export interface Peer {
  readonly name: string;
  /** Why it cannot run here, in words; undefined when it can. */
  absence(): string | undefined;
  /** Why it has no answer for this file name; undefined when it has. */
  refusal(fileName: string): string | undefined;
  start(context: StartContext): Promise<RunningPeer>;
  /** Starts its process and does not wait until it answers: for the time from there to the first answer. */
  launch?(context: StartContext & { readonly port: number }): ChildProcess;
  /** What it is, with its version, where that is not of this repository. */
  version?(): string | undefined;
}

/** The repository's root. This file runs as dist/bench/servers/peer.js. */
export const repositoryRoot = fileURLToPath(new URL('../../../', import.meta.url));

/** Wraps a started child whose stdout contains its address. @throws when it ends or says nothing within 15 s. */
export async function announced(name: string, child: ChildProcess): Promise<RunningPeer> {
  const [origin] = await waitForOutput(child, /http:\/\/[\w.[\]:-]+:\d+/, 60_000);
  return { name, pid: child.pid!, origin, metricsUrl: undefined, stop: () => stopChild(child) };
}

/** A peer that is one command which prints its address. @param command with the port it is to listen on; 0 for any */
export function commandPeer(
  name: string,
  absence: () => string | undefined,
  command: (siteDirectory: string, port: number, address: string) => string[],
  refusal: (fileName: string) => string | undefined = () => undefined,
): Peer {
  const launch = ({ siteDirectory, placing, port = 0, address = '127.0.0.1' }: StartContext): ChildProcess => {
    const [program, ...args] = command(siteDirectory, port, address);
    return startPinned(placing, program!, args);
  };
  return { name, absence, refusal, launch, start: (context) => announced(name, launch(context)) };
}
