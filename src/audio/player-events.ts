// Events of the pump out of the shared region's ring of records, for those who listen. Not here: who listens (player.ts), figures (report/region-figures.ts).

import {
  EventCause,
  EventKind,
  EventNumber,
  EventWord,
  eventBytes,
  eventEntries,
  offsets,
  PumpNumber,
  PumpWord,
} from './pump/shared-layout.js';

/** The sink ran dry: it played what it had, and went on without. */
export interface XrunEvent {
  readonly kind: 'xrun';
  /** `pump-late`: woken too late; `data-late`: awake, and nothing was there to be fetched; `driver`: neither. */
  readonly cause: 'pump-late' | 'data-late' | 'driver';
  /** The track that was heard, and the frame that is the next to be: nothing of it was left out. */
  readonly track: number;
  readonly frame: number;
  /** Seconds since the sink was started first. */
  readonly atSeconds: number;
  /** From when it ran dry until it ran again, and as many frames as that is; -1: not known. */
  readonly gapMs: number;
  readonly framesLost: number;
  /** How late the wake-up was that saw it. */
  readonly latenessMs: number;
  /** Frames that were queued at the look before, and how long ago that was. */
  readonly queuedBefore: number;
  readonly sinceLookMs: number;
}

/** The sink was opened anew because the format changed, and nothing could be heard meanwhile. */
export interface GapEvent {
  readonly kind: 'gap';
  readonly gapMs: number;
}

/** A file became shorter while it played: so many frames are missing from there on. */
export interface TruncatedEvent {
  readonly kind: 'truncated';
  readonly track: number;
  readonly frame: number;
  readonly framesLost: number;
}

/** The system slept, and the device with it. It plays on where it was. */
export interface SuspendedEvent {
  readonly kind: 'suspended';
  readonly track: number;
  readonly frame: number;
}

/** What the pump tells of. */
export type PumpEvent = XrunEvent | GapEvent | TruncatedEvent | SuspendedEvent;

const causes: Readonly<Record<number, XrunEvent['cause']>> = {
  [EventCause.pumpLate]: 'pump-late',
  [EventCause.dataLate]: 'data-late',
  [EventCause.driver]: 'driver',
};

/** Reads what is new since it was asked last; what was overwritten meanwhile is left out. */
export class EventReader {
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;
  #seen = 0;

  /** @param region the shared region's bytes */
  constructor(region: ArrayBuffer) {
    this.#words = new Int32Array(region, 0, offsets.descriptors / 4);
    this.#numbers = new Float64Array(region, 0, offsets.descriptors / 8);
  }

  /** Events in their order. */
  take(): PumpEvent[] {
    const count = Atomics.load(this.#words, PumpWord.events);
    const first = Math.max(this.#seen, count - eventEntries);
    this.#seen = count;
    const found: PumpEvent[] = [];
    for (let index = first; index < count; index++) {
      const event = this.#read(offsets.events + (index & (eventEntries - 1)) * eventBytes);
      if (event !== undefined) found.push(event);
    }
    return found;
  }

  #read(at: number): PumpEvent | undefined {
    const word = (field: number): number => this.#words[(at >> 2) + field]!;
    const number = (field: number): number => this.#numbers[(at >> 3) + field]!;
    const track = word(EventWord.track);
    const frame = number(EventNumber.frame);
    const framesLost = number(EventNumber.framesLost);
    const gapMs = number(EventNumber.gapNs) / 1e6;
    switch (word(EventWord.kind)) {
      case EventKind.xrun: {
        const ns = number(EventNumber.ns);
        return {
          kind: 'xrun',
          cause: causes[word(EventWord.cause)] ?? 'driver',
          ...{ track, frame, framesLost, queuedBefore: word(EventWord.queuedBefore) },
          atSeconds: (ns - this.#numbers[PumpNumber.startedNs]!) / 1e9,
          gapMs: gapMs < 0 ? -1 : gapMs,
          latenessMs: number(EventNumber.latenessNs) / 1e6,
          sinceLookMs: (ns - number(EventNumber.lookedNs)) / 1e6,
        };
      }
      case EventKind.formatGap:
        return { kind: 'gap', gapMs };
      case EventKind.truncated:
        return { kind: 'truncated', track, frame, framesLost };
      case EventKind.suspended:
        return { kind: 'suspended', track, frame };
      default:
        return undefined;
    }
  }
}
