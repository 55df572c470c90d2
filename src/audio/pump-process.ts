// Starts the pump's process with the shared region and a socket for files, and says how it ended. Not here: what it does (pump/pump-main.ts), what is said to it (player.ts).

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const entry = new URL('pump/pump-main.js', import.meta.url);

/**
 * V8's own threads stay out of the way, nothing is collected by itself while it plays (what the loop might allocate has room for hours), and it can be told to collect before. It notes what a function
 * does from its first call on: what is compiled is good for what seldom happens too.
 */
const flags = [
  '--single-threaded',
  '--expose-gc',
  '--min-semi-space-size=16',
  '--max-semi-space-size=64',
  '--no-lazy-feedback-allocation',
  '--no-warnings',
];

/** Of what it says of its end. */
const mostSaid = 4096;

/** How it ended. */
export interface PumpExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of what it wrote to its standard error. */
  readonly said: string;
}

/** A pump's process. */
export interface PumpProcess {
  readonly pid: number;
  /** Settled when it has ended; never rejected. */
  readonly ended: Promise<PumpExit>;
  kill(signal: NodeJS.Signals): void;
}

/** What an inherited environment would have it do besides. */
function environment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...rest } = process.env;
  return rest;
}

function endOf(child: ChildProcess): Promise<PumpExit> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-mostSaid);
  });
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: null, signal: null, said: error.message }));
    child.on('close', (code, signal) => resolve({ code, signal, said: said.trim() }));
  });
}

/** Starts it. The descriptors stay the caller's. @param ownsOutput it writes to our standard output */
export function startPump(region: number, socket: number, ownsOutput: boolean): PumpProcess {
  const child = spawn(process.execPath, [...flags, fileURLToPath(entry)], {
    env: environment(),
    stdio: ['ignore', ownsOutput ? 'inherit' : 'ignore', 'pipe', region, socket],
  });
  return { pid: child.pid ?? -1, ended: endOf(child), kill: (signal) => void child.kill(signal) };
}
