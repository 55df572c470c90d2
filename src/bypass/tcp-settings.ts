// What can be set of our own TCP, and within which bounds: what is outside is refused before anything is opened. Not here: what each does (core/control.ts).

import { shown } from '../text/shown.js';
import { BypassRefusal } from './bypass-refusal.js';

/** Settings of TCP, for all connections of a network. Times are milliseconds. */
export interface TcpSettings {
  /** Without progress for so long a connection is given up (900,000). */
  readonly userTimeoutMs?: number;
  /** Keepalive, where a connection wants it: silence before it (7,200,000), time between probes (75,000), and how many are not answered (9). */
  readonly keepIdleMs?: number;
  readonly keepIntervalMs?: number;
  readonly keepProbes?: number;
  /** How often a connection is asked for again (6), and the answer to one given again (5). */
  readonly synTries?: number;
  readonly synAnswerTries?: number;
  /** How long a connection's name rests after its end (60,000), and how long one waits for the peer's end when nobody reads any more (60,000). */
  readonly timeWaitMs?: number;
  readonly finWaitMs?: number;
  /** Frames that one connection may hold of what was received (128), and of what is to be sent (128). */
  readonly receiveFrames?: number;
  readonly sendFrames?: number;
  /** How windows grow: CUBIC, or NewReno. */
  readonly congestion?: 'cubic' | 'newreno';
}

const ways = ['cubic', 'newreno'] as const;

/** Least and most of each, and what it counts. */
const bounds: Readonly<Record<Exclude<keyof TcpSettings, 'congestion'>, readonly [number, number, string]>> = {
  userTimeoutMs: [1000, 86_400_000, 'milliseconds'],
  keepIdleMs: [1000, 86_400_000, 'milliseconds'],
  keepIntervalMs: [1000, 3_600_000, 'milliseconds'],
  keepProbes: [1, 100, 'probes'],
  synTries: [1, 12, 'tries'],
  synAnswerTries: [1, 12, 'tries'],
  timeWaitMs: [1000, 240_000, 'milliseconds'],
  finWaitMs: [1000, 3_600_000, 'milliseconds'],
  receiveFrames: [8, 1024, 'frames'],
  sendFrames: [8, 1024, 'frames'],
};

/** The settings as numbers of the core's, by their names there. @throws BypassRefusal for one that is not known, no whole number, or out of its bounds */
export function tcpNumbers(settings: TcpSettings): Readonly<Partial<Record<keyof TcpSettings, number>>> {
  const numbers: Partial<Record<keyof TcpSettings, number>> = {};
  for (const [name, value] of Object.entries(settings as Record<string, unknown>)) {
    if (value === undefined) continue;
    if (name === 'congestion') {
      const way = ways.indexOf(value as (typeof ways)[number]);
      if (way < 0) throw new BypassRefusal(`tcp.congestion is ${shown(value)}, and must be ${ways.join(' or ')}`);
      numbers.congestion = way;
      continue;
    }
    if (!Object.hasOwn(bounds, name))
      throw new BypassRefusal(
        `there is no tcp.${name}: there are ${[...Object.keys(bounds), 'congestion'].join(', ')}`,
      );
    const [least, most, what] = bounds[name as keyof typeof bounds];
    if (!Number.isInteger(value) || (value as number) < least || (value as number) > most)
      throw new BypassRefusal(
        `tcp.${name} is ${shown(value)}, and must be a whole number of ${what} from ${least} to ${most}`,
      );
    numbers[name as keyof typeof bounds] = value as number;
  }
  return numbers;
}
