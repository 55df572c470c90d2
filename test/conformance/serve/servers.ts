// Sites and servers for the conformance tests: a folder to serve, a server on each engine, and what to do when the host
// refuses one. Not here: what is sent (client.ts) and what is expected (the tests).

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe } from 'node:test';
import { openFilesLimit } from '../../../src/kernel/limits.js';
import { resolveOptions, type ServeOptions } from '../../../src/serve/options.js';
import { Server } from '../../../src/serve/server.js';
import { UringEngine } from '../../../src/uring/engine.js';
import { program, workerEntry } from '../../support/program.js';
import { enterOwnNetwork, makeVethPair } from '../../support/veth-pairs.js';

/** The engines that there are. */
export const engines = ['uring', 'epoll'] as const;

/** On which of them every server of the suite is past the kernel, on a pair of devices of its own: over-bypass.whole.test.ts says so. */
const pastKernel = process.env['CLEARWAY_TEST_BYPASS']?.split(',');
const isPastKernel = pastKernel !== undefined;
/** What `skip` of a test takes whose server is a process of its own: that has the kernel's sockets, and is not tested twice. */
export const ownProcess: string | false = isPastKernel && 'a process of its own has the kernel’s sockets here as well';
// Before anything is opened: the whole process is in a network of its own.
if (isPastKernel) enterOwnNetwork();

/** One of {@link engines}. */
export type EngineName = (typeof engines)[number];

let refusal: string | false | undefined;

/** Why an engine cannot be tried here, for `skip`; false where it can. */
export function engineRefused(engine: EngineName): string | false {
  if (engine === 'epoll') return false;
  if (refusal === undefined) {
    try {
      new UringEngine({ entries: 8, frames: 8 }).close();
      refusal = false;
    } catch (error) {
      refusal = `io_uring is refused here: ${(error as Error).message}`;
    }
  }
  return refusal;
}

/** Declares a suite once for each engine, or those that over-bypass.whole.test.ts says; its tests run side by side unless `concurrency` is false. */
export function forEachEngine(name: string, declare: (engine: EngineName) => void, concurrency = true): void {
  for (const engine of engines.filter((each) => pastKernel?.includes(each) ?? true)) {
    describe(`${name}, ${engine}`, { skip: engineRefused(engine), concurrency }, () => declare(engine));
  }
}

/** A folder of its own that is removed by {@link remove}. */
export class TestSite {
  readonly root: string;

  /** @param files contents by path; folders are made. */
  constructor(files: Readonly<Record<string, string | Uint8Array>> = {}) {
    this.root = mkdtempSync(join(tmpdir(), 'clearway-serve-'));
    for (const [path, content] of Object.entries(files)) this.write(path, content);
  }

  /** Where a path of the site is. */
  at(path: string): string {
    return join(this.root, path);
  }

  /** Writes a file in place. */
  write(path: string, content: string | Uint8Array): void {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    writeFileSync(this.at(path), content);
  }

  /** Removes it all. */
  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/**
 * Starts a server in this process: its worker is a thread, the client this one. A worker that dies is said on stderr, so that
 * what failed for it is not a riddle. `logDescriptor` is where the access log goes without a `logFile`, `entry` what threads run.
 */
export async function startServer(options: ServeOptions, logDescriptor = 1, entry = workerEntry): Promise<Server> {
  const pair = isPastKernel ? makeVethPair(Number(options.workers ?? 1)) : undefined;
  const past = pair && { bypass: pair.device, bypassAddress: pair.address };
  const resolved = resolveOptions({ port: 0, workers: 1, ...options, ...past }, openFilesLimit());
  const server = new Server(resolved, logDescriptor, entry);
  server.on('close', () => pair?.remove());
  server.on('warning', (message) => console.error(message));
  open.add(() => server.close(0));
  return server.listen();
}

/** What a test that failed left running would keep the whole file from ending. */
const open = new Set<() => unknown>();
after(() => Promise.all([...open].map((close) => close())));

export { program };

/** A server process. */
export interface ServerProcess {
  readonly child: ChildProcess;
  readonly host: string;
  readonly port: number;
  /** Everything that it said when it was ready: addresses alone on their lines, and who is there. */
  readonly ready: string;
  /** The addresses of the files, in order. */
  readonly urls: readonly string[];
  /** What it wrote so far. */
  output(): { readonly stdout: string; readonly stderr: string };
  /** Its end: exit status, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

/** Runs `clearway serve ARGS` until it says where it listens. @throws with what it said when it ends before. */
export function runServer(
  args: readonly string[],
  options: SpawnOptions = {},
  command: { readonly command: string; readonly args: readonly string[] } = {
    command: process.execPath,
    args: [program],
  },
): Promise<ServerProcess> {
  open.add(() => child.kill('SIGKILL'));
  // A Unix socket, or sockets that are passed, take the place of a port.
  const port = args.includes('--socket') || options.env?.['LISTEN_FDS'] !== undefined ? [] : ['--port', '0'];
  const child = spawn(command.command, [...command.args, 'serve', ...port, ...args], {
    stdio: 'pipe',
    ...options,
  });
  let stdout = '';
  let stderr = '';
  const ended = new Promise<number | string>((resolve) => {
    child.on('close', (status, signal) => resolve(status ?? signal ?? 'no status'));
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      const match = /^((?:\S+:\S+\n)+)clearway serves .* there \(.*\)\n/.exec(stdout);
      if (match === null) return;
      const urls = match[1]!.trimEnd().split('\n');
      const [, six, four, port] = /^http:\/\/(?:\[([^\]]+)\]|([^:/]+)):(\d+)(?:\/.*)?$/m.exec(match[1]!) ?? [];
      const host = six ?? four ?? '';
      resolve({ child, host, port: Number(port), ready: stdout, urls, ended, output: () => ({ stdout, stderr }) });
    });
    void ended.then((status) => reject(new Error(`clearway serve ended with ${status}: ${stderr || stdout}`)));
  });
}

/** Bytes of which no two places look alike: what is missing, doubled or out of place is seen. */
export function patterned(length: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let index = 0; index < words.length; index++) words[index] = Math.imul(index + 1, 0x9e3779b1);
  return Buffer.from(words.buffer, 0, length);
}
