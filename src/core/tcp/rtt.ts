// How long the path takes, and after how long without an answer something counts as lost (RFC 6298). Microseconds.

import { Connection } from './connection';

const initialTimeout: u32 = 1_000_000;
/** The same where the handshake took more than one SYN (RFC 6298, section 5.7). */
const carefulTimeout: u32 = 3_000_000;
/** As Linux has it: also what is added to the smoothed time at least, so that a delayed acknowledgement is no loss. */
const leastTimeout: u32 = 200_000;
const mostTimeout: u32 = 60_000_000;
const mostBackoff: u32 = 12;
/** What is known of the path goes into no sum above this. */
const mostSample: u32 = 60_000_000;

/** Nothing is known yet. */
export function resetRtt(c: Connection): void {
  c.smoothed = 0;
  c.variation = 0;
  c.timeout = initialTimeout;
  c.backoff = 0;
  c.leastRtt = 0xffffffff;
}

/** The handshake was repeated, so that nothing was measured. */
export function waitLonger(c: Connection): void {
  c.timeout = carefulTimeout;
}

/** A measurement, of a segment that was sent once (Karn), or by its timestamp. */
export function sampleRtt(c: Connection, us: u32): void {
  const sample: u32 = us === 0 ? 1 : us > mostSample ? mostSample : us;
  if (sample < c.leastRtt) c.leastRtt = sample;
  if (c.smoothed === 0) {
    c.smoothed = sample;
    c.variation = sample >> 1;
  } else {
    const difference: u32 = sample > c.smoothed ? sample - c.smoothed : c.smoothed - sample;
    c.variation = c.variation - (c.variation >> 2) + (difference >> 2);
    c.smoothed = c.smoothed - (c.smoothed >> 3) + (sample >> 3);
    if (c.smoothed === 0) c.smoothed = 1;
  }
  const spread = c.variation << 2;
  const timeout = c.smoothed + (spread > leastTimeout ? spread : leastTimeout);
  c.timeout = timeout > mostTimeout ? mostTimeout : timeout;
}

/** The timeout that holds now, doubled for each that came since the last answer. */
export function timeoutUs(c: Connection): u32 {
  const us = (<u64>c.timeout) << (<u64>c.backoff);
  return us > <u64>mostTimeout ? mostTimeout : <u32>us;
}

/** Waits twice as long from now on. */
export function backOff(c: Connection): void {
  if (c.backoff < mostBackoff) c.backoff++;
}

/** An answer came. */
export function clearBackoff(c: Connection): void {
  c.backoff = 0;
}

/** After how long the last segments of a flight are probed for (RFC 8985, section 7.2): the peer may wait for a second one when there is one alone. */
export function probeUs(c: Connection, isAlone: bool): u32 {
  if (c.smoothed === 0) return timeoutUs(c);
  const us = (c.smoothed << 1) + (isAlone ? leastTimeout : 2_000);
  const most = timeoutUs(c);
  return us < most ? us : most;
}
