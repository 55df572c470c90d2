// The measured journey for the dashboard: followed while somebody looks, one message in ten, and not at all otherwise: its
// programs cost something at every packet. The figures are those since it was looked at.

import { RefusedError } from '../bpf/refusals.js';
import { type JourneyReading, type JourneyTracer, traceJourneys } from '../journey/tracer.js';
import type { Scope } from '../meter/index.js';

const sample = 10;

/** Opens a tracer when it is asked for, and closes it when it is not. */
export class JourneyTeller {
  private tracer: JourneyTracer | undefined;
  private refused = false;

  /** @param scope whose messages; a cgroup's are not followed. */
  constructor(private readonly scope: Scope) {}

  /** What was measured while somebody looked; `undefined` while nobody does, or where the host refuses. */
  tell(watched: boolean): JourneyReading | undefined {
    if (!watched) this.close();
    else if (this.tracer === undefined && !this.refused) this.open();
    return this.tracer?.read();
  }

  private open(): void {
    const { scope } = this;
    if (scope.kind === 'cgroup') return;
    try {
      this.tracer = traceJourneys({ scope, sample, keep: 0, slowest: 0, ignoreSelf: true });
      // A program that was run by this process is followed; this process itself is not.
      if (scope.kind === 'process' && scope.processId === process.pid) this.tracer.exclude(process.pid);
    } catch (error) {
      if (!(error instanceof RefusedError) && (error as { code?: string }).code !== 'CLEARWAY_METER_SCOPE') throw error;
      this.refused = true;
    }
  }

  /** Detaches. It can be asked again. */
  close(): void {
    this.tracer?.close();
    this.tracer = undefined;
  }
}
