// What signals mean to a command: a signal that was ignored when it was started stays ignored, and the exit status tells a
// signal that asks for the end from one that breaks it off. Not here: what a command does when it ends (ending.ts, serve.ts).

import { readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { readText } from '../../kernel/proc.js';

/** The signals that end a command. */
export const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** One of {@link endingSignals}. */
export type EndingSignal = (typeof endingSignals)[number];

/** Where main.ts's line of shell leaves the signals that were ignored when the shell was started, as a mask in hexadecimal. */
const maskVariable = 'CLEARWAY_IGNORED_SIGNALS';

/** What was ignored, one for the process: files of the bundle each have their own copy of this module and its variables. */
const place = Symbol.for('clearway.ignoredSignals');
const shared = globalThis as { [place]?: ReadonlySet<EndingSignal> };

/**
 * Sees to it that what was ignored at the start (`nohup`, `trap '' HUP`, the SIGINT of a shell script's background job) is
 * ignored by whatever command runs. Called once, before it. Node sets ignored signals back to their default before any
 * JavaScript runs (src/node.cc, PlatformInit), so the process itself cannot be asked.
 */
export function keepIgnoredSignals(): void {
  const ignored = signalsIgnoredAtStart(process.env[maskVariable]);
  shared[place] = ignored;
  delete process.env[maskVariable];
  for (const signal of ignored) process.on(signal, () => {});
}

/** The signals that {@link keepIgnoredSignals} found: a program that is run should ignore them too. */
export function ignoredSignals(): ReadonlySet<EndingSignal> {
  return shared[place] ?? new Set();
}

/** Calls back for each of the signals that is not ignored. @returns what ends that */
export function onSignals<Signal extends EndingSignal>(
  signals: readonly Signal[],
  handler: (signal: Signal) => void,
): () => void {
  const ignored = ignoredSignals();
  const heard = signals.filter((signal) => !ignored.has(signal));
  const listener = (signal: NodeJS.Signals): void => handler(signal as Signal);
  for (const signal of heard) process.on(signal, listener);
  return () => {
    for (const signal of heard) process.off(signal, listener);
  };
}

/**
 * The exit status of a command that a signal ended: 0 where the end was asked for (SIGTERM, SIGINT), else 128 and the signal's
 * number, which systemd's `Restart=on-failure` and a shell's `||` take for the failure that it is: the terminal went (SIGHUP),
 * say. Dying by SIGHUP itself would not do: systemd counts that as a clean end (systemd.service(5), Restart=).
 */
export function statusOfSignal(signal: EndingSignal): number {
  return signal === 'SIGTERM' || signal === 'SIGINT' ? 0 : 128 + constants.signals[signal];
}

/** Whether this process belongs to a terminal that can hang up: daemons and containers do not (proc_pid_stat(5), tty_nr). */
export function hasTerminal(): boolean {
  const fields = readText('/proc/self/stat')?.split(') ').at(-1)?.split(' ');
  return fields !== undefined && fields[4] !== '0';
}

/** @param mask SigIgn as the shell in front of Node read it; undefined where Node was started without it. */
function signalsIgnoredAtStart(mask: string | undefined): ReadonlySet<EndingSignal> {
  if (mask !== undefined && /^[0-9a-f]{1,16}$/i.test(mask)) return signalsOf(mask);
  return new Set(hangUpWasIgnored() ? ['SIGHUP'] : []);
}

function signalsOf(mask: string): ReadonlySet<EndingSignal> {
  const bits = BigInt(`0x${mask}`);
  return new Set(endingSignals.filter((each) => ((bits >> BigInt(constants.signals[each] - 1)) & 1n) === 1n));
}

/**
 * Whether SIGHUP was ignored, as far as what is left tells where `node main.js` was started without the shell: the parent
 * ignores it (a script beneath nohup, or after `trap '' HUP`), stdin is what nohup puts in a terminal's place (/dev/null, only to
 * be written), or the shell noted that it started nohup and nobody stood between (bash and zsh keep the command's path in `_`).
 */
function hangUpWasIgnored(): boolean {
  const parent = `/proc/${process.ppid}`;
  const parentsMask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readText(`${parent}/status`) ?? '')?.[1];
  if (parentsMask !== undefined && signalsOf(parentsMask).has('SIGHUP')) return true;
  if (linkTarget('/proc/self/fd/0') === '/dev/null') {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readText('/proc/self/fdinfo/0') ?? '')?.[1];
    if (flags !== undefined && (Number.parseInt(flags, 8) & 3) === 1) return true;
  }
  const isNohup = (command: string | undefined): boolean => command !== undefined && /(?:^|\/)nohup$/.test(command);
  const parentsCommand = /(?:^|\0)_=([^\0]*)/.exec(readText(`${parent}/environ`) ?? '')?.[1];
  return isNohup(process.env['_']) && !isNohup(parentsCommand);
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
