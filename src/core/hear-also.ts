// What the stack of another queue of the card has heard (heard.ts): looked at as if it had come to this one, and believed no more than that.

import { Figure } from './control';
import { count } from './figures';
import {
  entryBytes,
  kindAnswer,
  kindAt,
  kindTooBig,
  kindUnreachable,
  lengthAt,
  macAt,
  mostHeard,
  protocolAt,
} from './heard';
import { learn } from './neighbour';
import { takeTooBig, takeUnreachable } from './unreachable';

/** Hears entries as `takeHeard` gives them. */
export function hearAlso(from: usize, entries: u32): void {
  const end = from + <usize>min<u32>(entries, mostHeard) * entryBytes;
  for (let entry = from; entry < end; entry += entryBytes) {
    const kind = load<u8>(entry, kindAt);
    if (kind <= kindAnswer) {
      count(Figure.neighbourTold);
      learn(entry, entry + macAt, kind === kindAnswer);
    } else {
      if (kind > kindUnreachable || entry + entryBytes >= end) return;
      hearOfPacket(entry, kind);
      entry += entryBytes;
    }
  }
}

function hearOfPacket(entry: usize, kind: u8): void {
  count(Figure.icmpTold);
  const protocol = <u32>load<u8>(entry, protocolAt);
  const local = entry + entryBytes;
  const quoted = local + macAt;
  const said = load<u32>(entry, macAt);
  if (kind === kindTooBig) takeTooBig(protocol, local, entry, quoted, <u32>load<u16>(entry, lengthAt), said);
  else takeUnreachable(protocol, local, entry, quoted, <i32>said);
}
