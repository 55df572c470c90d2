// `clearway meter replay FILE`: the readings of a recording through the same table, report and conditions as live ones,
// at the pace they were taken where someone watches, else at once. It attaches nothing and needs no rights.

import { openRecording, type RecordedReading, RecordingError } from '../meter/export/recording.js';
import { judge } from '../meter/fail-if.js';
import { type EndingSignal, endingSignals, onSignals, statusOfSignal } from './kit/signals.js';
import { openDashboardSink } from './meter-open.js';
import type { MeterCommand } from './meter-options.js';
import { OutputSink, type Sink, type Taken } from './meter-sinks.js';

/** Replays. @returns 0, 1 where a --fail-if holds, or that of the signal that broke it off. @throws RecordingError */
export async function replay(command: MeterCommand, path: string): Promise<number> {
  const recording = await openRecording(path);
  const { head, readings } = recording;
  const output = new OutputSink(command, head.subject);
  const sinks: Sink[] = [output];
  const watched = command.open === undefined ? undefined : await openDashboardSink(command.open, head.subject);
  if (watched !== undefined) sinks.push(watched);
  const stopped = endingSignal();
  try {
    const last = await play(readings, sinks, output.live || watched !== undefined ? command.speed : undefined, stopped);
    if (last === undefined) throw new RecordingError(`${path} holds no reading`);
    if (watched !== undefined) {
      watched.take(last);
      await stopped.promise;
    }
    for (const sink of sinks) await sink.end(last);
    const failures = command.failIf
      .map((condition) => judge(condition, last.reading))
      .filter((why) => why !== undefined);
    for (const why of failures) process.stderr.write(`clearway meter: ${why}\n`);
    if (stopped.status !== 0) return stopped.status;
    return failures.length > 0 ? 1 : 0;
  } finally {
    stopped.forget();
    recording.close();
    await watched?.close();
  }
}

/** Gives every reading but the last to the sinks. @param speed undefined: without waiting. @returns the last one. */
async function play(
  readings: AsyncIterator<RecordedReading, void>,
  sinks: readonly Sink[],
  speed: number | undefined,
  stopped: Stop,
): Promise<Taken | undefined> {
  let last: Taken | undefined;
  for (;;) {
    // A pipe may keep us waiting: the signal is heard meanwhile.
    const next = await Promise.race([readings.next(), stopped.promise]);
    if (next === undefined || next.done === true) break;
    const { timeMs, reading, sockets } = next.value;
    if (last !== undefined) {
      for (const sink of sinks) sink.take(last);
      if (speed !== undefined) await stopped.within(Math.max(0, timeMs - last.timeMs) / speed);
    }
    if (stopped.happened) break;
    last = { timeMs, reading, sockets };
  }
  return last;
}

interface Stop {
  readonly happened: boolean;
  /** The exit status that the signal means. */
  readonly status: number;
  readonly promise: Promise<void>;
  /** Waits for the signal, at most some time. */
  within(timeMs: number): Promise<void>;
  forget(): void;
}

/** The first signal that asks to end. */
function endingSignal(): Stop {
  let first: EndingSignal | undefined;
  let forget = () => {};
  const promise = new Promise<void>((resolve) => {
    forget = onSignals(endingSignals, (signal) => {
      first ??= signal;
      resolve();
    });
  });
  return {
    get happened() {
      return first !== undefined;
    },
    get status() {
      return first === undefined ? 0 : statusOfSignal(first);
    },
    promise,
    within: async (timeMs) => {
      let timer: NodeJS.Timeout | undefined;
      const slept = new Promise<void>((wake) => {
        timer = setTimeout(wake, Math.min(timeMs, 2 ** 31 - 1));
      });
      await Promise.race([slept, promise]);
      clearTimeout(timer);
    },
    forget,
  };
}
