// Which packets of a message went to a device that had some of their bytes before: TCP had sent them again (RFC 9293, RFC 8985), or something on the way doubled them. Pure.
// Not here: the retransmissions of the last byte, as TCP itself tells of them (path.ts).

import type { Stamp } from './record.js';

/** Bytes of a message that a device had, as distances from one sequence number; the end is exclusive. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * Of packets those with bytes that an earlier one had carried to the same device: a reader that adds up payload leaves them out. Packets that only overtook one another are none.
 * @param packets stamps of one point of one message, in the order of time
 */
export function sentAgain(packets: readonly Stamp[]): ReadonlySet<Stamp> {
  const again = new Set<Stamp>();
  const devices = new Map<string, Range[]>();
  const begin = packets[0]?.start ?? 0;
  for (const packet of packets) {
    const key = `${packet.namespace} ${packet.interfaceIndex}`;
    const had = devices.get(key) ?? [];
    devices.set(key, had);
    // Sequence numbers wrap: their difference has the sign.
    if (add(had, (packet.start - begin) | 0, (packet.end - begin) | 0)) again.add(packet);
  }
  return again;
}

/** Adds a range to those that are in order and apart. Returns whether some of it was there. */
function add(had: Range[], from: number, to: number): boolean {
  if (to <= from) return false;
  // From the end: nearly every packet follows the one before it.
  let at = had.length;
  while (at > 0 && had[at - 1]!.to >= from) at--;
  let end = at;
  let known = false;
  let whole = { from, to };
  for (; end < had.length && had[end]!.from <= to; end++) {
    const one = had[end]!;
    known ||= one.from < to && one.to > from;
    whole = { from: Math.min(whole.from, one.from), to: Math.max(whole.to, one.to) };
  }
  had.splice(at, end - at, whole);
  return known;
}
