// One run's surroundings: a scratch directory with the files to serve, the peers started in it, and the certainty that both
// are gone afterwards. It measures nothing.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { writeRandomFile } from './files.js';
import { choosePlacement, type Placement } from './host/child.js';
import type { Options } from './options.js';
import { siteFiles } from './rows.js';
import type { Peer, RunningPeer } from './servers/peer.js';

/** A peer that is not part of this run, and why. */
export interface Absent {
  readonly name: string;
  readonly reason: string;
}

/** What a measurement runs in. */
export interface Session {
  readonly placement: Placement;
  readonly siteDirectory: string;
  readonly scratchDirectory: string;
  /** SHA-256 in hex of each served file. */
  readonly hashes: ReadonlyMap<string, string>;
  readonly absent: Absent[];
  /** Starts a peer; undefined, with the reason noted in `absent` and on stderr, when it cannot run here. */
  start(peer: Peer, accessLogFile?: string): Promise<RunningPeer | undefined>;
}

/** Progress goes to stderr, so that stdout holds the results alone. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/**
 * Makes a session with the named site files, runs `work` in it, stops what was started and removes the directory, also when
 * `work` throws or a signal ends this process.
 */
export async function withSession<Result>(
  options: Options,
  fileNames: readonly string[],
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  const scratchDirectory = mkdtempSync(join(resolve(options.workDirectory ?? tmpdir()), 'clearway-bench-'));
  const remove = () => rmSync(scratchDirectory, { recursive: true, force: true });
  process.on('exit', remove);
  const siteDirectory = join(scratchDirectory, 'site');
  mkdirSync(siteDirectory);
  const running: RunningPeer[] = [];
  const absent: Absent[] = [];
  const placement = choosePlacement(options.niceness);
  try {
    const hashes = new Map<string, string>();
    for (const file of siteFiles) {
      if (!fileNames.includes(file.name)) continue;
      say(`writing ${file.name}`);
      hashes.set(file.name, writeRandomFile(join(siteDirectory, file.name), file.bytes));
    }
    const start = async (peer: Peer, accessLogFile?: string): Promise<RunningPeer | undefined> => {
      let reason = peer.absence();
      try {
        if (reason === undefined) {
          const context = { siteDirectory, scratchDirectory, placing: placement.server };
          const started = await peer.start(accessLogFile === undefined ? context : { ...context, accessLogFile });
          running.push(started);
          return started;
        }
      } catch (error) {
        reason = (error as Error).message;
      }
      absent.push({ name: peer.name, reason: reason ?? 'it did not start' });
      say(`skipped: ${peer.name}: ${reason}`);
      return undefined;
    };
    return await work({ placement, siteDirectory, scratchDirectory, hashes, absent, start });
  } finally {
    await Promise.all(running.map((peer) => peer.stop().catch(() => {})));
    process.off('exit', remove);
    remove();
  }
}
