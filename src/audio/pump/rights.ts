// What lets the pump be in time: real-time scheduling, locked memory, timers that are not delayed. Each is asked for, and what is refused is said with its fix; the pump plays without it.
// FIFO is the pumping thread's alone, and only while it pumps: a thread that opens devices or collects garbage is an ordinary one. Not here: figures of what came of it (figures.ts).

import { SCHED } from '../../kernel/constants.js';
import { errnoWords } from '../../kernel/errno.js';
import { resourceLimit, setLimit } from '../../kernel/limits.js';
import { lockMemory } from '../../kernel/memory.js';
import { readText } from '../../kernel/proc.js';
import {
  becomeFifo,
  becomeOrdinary,
  nicenessOf,
  schedulingOf,
  setNiceness,
  setTimerSlack,
  shortenTurns,
} from '../../kernel/scheduling.js';
import { SystemError } from '../../kernel/system-error.js';
import { PumpNumber, PumpWord } from './shared-layout.js';

/** Microseconds of the processor that a real-time pump may use without a sleep: a bug must not take a core. */
const longestTurnUs = 200_000;
const wantedNiceness = -11;
/** What a pump without rights asks for: it works for less, and so it is let in when it wakes up. The least that the kernel takes. */
const shortTurnNs = 100_000;

const groupFix =
  "put '@audio - rtprio 95' and '@audio - memlock unlimited' into /etc/security/limits.d/audio.conf, this user into the group audio, and log in again";

/** A range of memory. */
export interface MemoryRange {
  readonly address: number;
  readonly length: number;
}

/** Makes the process more urgent than others, where that is allowed: also while it opens a device and rehearses. */
export function hurry(): void {
  setNiceness(wantedNiceness);
}

/** The priority that can be had; 0: none. */
function fifoPriority(wanted: number): number {
  const first = becomeFifo(wanted);
  if (first === 0) return wanted;
  const allowed = resourceLimit('RTPRIO').soft;
  const less = Math.min(wanted, Number.isFinite(allowed) ? allowed : 0);
  return less > 0 && becomeFifo(less) === 0 ? less : 0;
}

/**
 * Makes the calling thread as real-time as it may be.
 * @returns what was refused, a sentence each with how to fix it
 */
export function takeTurn(priority: number): string[] {
  setTimerSlack(1);
  setLimit('RTTIME', longestTurnUs, longestTurnUs);
  const got = fifoPriority(priority);
  if (got === priority) return [];
  if (got === 0) shortenTurns(shortTurnNs);
  if (got > 0)
    return [`the real-time priority is ${got}, not ${priority}, which is as far as this user may go (RLIMIT_RTPRIO)`];
  const nice = nicenessOf() === wantedNiceness ? `; it runs with a niceness of ${wantedNiceness}` : '';
  return [`no real-time scheduling (SCHED_FIFO) for this user${nice}: ${groupFix}`];
}

/** The calling thread is an ordinary one again. */
export function giveTurnBack(): void {
  becomeOrdinary();
  shortenTurns(0);
}

/**
 * Locks memory that the pump works with, range by range, the first being the one that matters most. Never the whole process: V8 gives pages of its heap back, and is ended by one that is
 * locked. @returns what was refused
 */
export function lockRanges(ranges: readonly MemoryRange[]): string[] {
  let refused = 0;
  let why = '';
  for (const { address, length } of ranges) {
    try {
      lockMemory(address, length);
    } catch (error) {
      refused += length;
      why = error instanceof SystemError ? errnoWords(error.errno) : String(error);
    }
  }
  if (refused === 0) return [];
  const limit = resourceLimit('MEMLOCK').soft;
  const mebibytes = (refused / 2 ** 20).toFixed(1);
  return [
    `${mebibytes} MiB of the pump's memory are not locked (${why}; RLIMIT_MEMLOCK is ${limit} bytes): ${groupFix}`,
  ];
}

/** Writes what was really got, as the kernel says it. */
export function tellRights(words: Int32Array, numbers: Float64Array): void {
  const { policy, priority } = schedulingOf();
  words[PumpWord.schedulingClass] = policy === SCHED.FIFO || policy === SCHED.RR ? policy : 0;
  words[PumpWord.priority] = priority;
  words[PumpWord.nicePlus20] = nicenessOf() + 20;
  const [, locked] = /^VmLck:\s+(\d+) kB$/m.exec(readText('/proc/self/status') ?? '') ?? [];
  numbers[PumpNumber.lockedBytes] = Number(locked ?? 0) * 1024;
}
