// A segment that was received, as it was read: each field once, checked, in the order of the host. Options of TCP (RFC 9293, 2018, 7323); what is
// malformed is skipped, and what contradicts itself refused. Not here: what a segment means to a connection.

import { be16, be32 } from '../bytes';

export const flagFin: u32 = 0x01;
export const flagSyn: u32 = 0x02;
export const flagRst: u32 = 0x04;
export const flagPsh: u32 = 0x08;
export const flagAck: u32 = 0x10;

/** Ports as they lie in the segment: the peer's first. */
export let segmentPorts: u32 = 0;
export let segmentSequence: u32 = 0;
export let segmentAck: u32 = 0;
export let segmentFlags: u32 = 0;
/** As it stands in the segment, not scaled. */
export let segmentWindow: u32 = 0;
export let segmentData: usize = 0;
export let segmentLength: u32 = 0;

export let hasStamp: bool = false;
export let stampValue: u32 = 0;
export let stampEcho: u32 = 0;

/** Of a SYN: 0 where it says nothing. */
export let optionMss: u32 = 0;
/** -1 where it says nothing; at most 14 (RFC 7323, section 2.3). */
export let optionShift: i32 = -1;
export let optionSack: bool = false;

/** Ranges that the peer has: 8 bytes each, begin and end in the order of the host. */
export const sackRanges = memory.data(32, 8);
export let sackCount: u32 = 0;

/** Two no-operations and timestamps of 10 bytes, as most senders write them. */
export const usualStamp: u32 = 0x0a080101;

/** Reads a segment of at least 20 bytes. Returns whether its header is whole. */
export function readSegment(segment: usize, length: u32): bool {
  const headerLength = (<u32>(load<u8>(segment, 12) >> 4)) << 2;
  if (headerLength < 20 || headerLength > length) return false;
  segmentPorts = load<u32>(segment);
  segmentSequence = be32(segment + 4);
  segmentAck = be32(segment + 8);
  segmentFlags = <u32>load<u8>(segment, 13);
  segmentWindow = be16(segment + 14);
  segmentData = segment + headerLength;
  segmentLength = length - headerLength;
  hasStamp = false;
  sackCount = 0;
  if (headerLength === 20) {
    if ((segmentFlags & flagSyn) !== 0) noSynOptions();
    return true;
  }
  if (headerLength === 32 && load<u32>(segment, 20) === usualStamp && (segmentFlags & flagSyn) === 0) {
    takeStamp(segment + 24);
    return true;
  }
  noSynOptions();
  readOptions(segment + 20, segment + headerLength);
  return true;
}

/** What a segment takes of the sequence space: its bytes, SYN and FIN. */
export function segmentSpace(): u32 {
  return segmentLength + (segmentFlags & flagFin) + ((segmentFlags & flagSyn) >> 1);
}

/** Drops so many bytes of the segment's beginning, which are known already. */
export function trimSegment(bytes: u32): void {
  segmentSequence += bytes;
  segmentData += bytes;
  segmentLength -= bytes;
}

/** Drops what lies beyond so many bytes, and a FIN with it. */
export function cutSegment(bytes: u32): void {
  segmentLength = bytes;
  segmentFlags &= ~flagFin;
}

function noSynOptions(): void {
  optionMss = 0;
  optionShift = -1;
  optionSack = false;
}

function takeStamp(option: usize): void {
  hasStamp = true;
  stampValue = be32(option);
  stampEcho = be32(option + 4);
}

/** An option whose length leads out of the header, or is below 2, ends the reading: what stood before it counts. */
function readOptions(from: usize, end: usize): void {
  let at = from;
  while (at < end) {
    const kind = load<u8>(at);
    if (kind === 0) return;
    if (kind === 1) {
      at++;
      continue;
    }
    if (at + 2 > end) return;
    const length = <u32>load<u8>(at, 1);
    if (length < 2 || at + length > end) return;
    readOption(kind, at, length);
    at += length;
  }
}

function readOption(kind: u8, at: usize, length: u32): void {
  if (kind === 8) {
    if (length === 10) takeStamp(at + 2);
  } else if (kind === 5) {
    if (length >= 10 && ((length - 2) & 7) === 0) readSack(at + 2, (length - 2) >> 3);
  } else if ((segmentFlags & flagSyn) !== 0) {
    if (kind === 2 && length === 4) optionMss = be16(at + 2);
    else if (kind === 3 && length === 3) optionShift = load<u8>(at, 2) > 14 ? 14 : <i32>load<u8>(at, 2);
    else if (kind === 4 && length === 2) optionSack = true;
  }
}

function readSack(at: usize, many: u32): void {
  sackCount = many > 4 ? 4 : many;
  for (let index: u32 = 0; index < sackCount; index++) {
    store<u32>(sackRanges + (index << 3), be32(at + (index << 3)));
    store<u32>(sackRanges + (index << 3), be32(at + (index << 3) + 4), 4);
  }
}
