// The server meters itself: a meter on this process, and its part of the metrics. Loaded only where the option asks for
// it, so that a server without one never loads the BPF machinery.

import { meterFamilies } from '../meter/export/families.js';
import { prometheusText } from '../meter/export/prometheus.js';
import { createMeter, type Meter, refusalSentence } from '../meter/index.js';

/** A meter on this process, every thread of it. */
export interface SelfMeter {
  readonly meter: Meter;
  /** What was copied since it was opened, as Prometheus text. */
  text(): string;
}

/**
 * Opens the meter; `sockets` also accounts by socket.
 * @returns the meter, or the sentence that says why this host refuses one.
 */
export function openSelfMeter(sockets: boolean): SelfMeter | string {
  try {
    const meter = createMeter({ scope: { kind: 'process', processId: process.pid }, sockets });
    return { meter, text: () => prometheusText(meterFamilies(meter.read(), { processes: 0 })) };
  } catch (error) {
    return `copies in the kernel are not metered: ${refusalSentence(error)}`;
  }
}
