// Journeys as a capture file: the headers of every packet that was seen at a driver or at a receiving stack, with the stages of
// its message as a comment. Format: pcapng (draft-ietf-opsawg-pcapng), link type RAW: packets begin with their IP header.
// Payload is never in it: packets are cut behind their TCP header, and say how long they were. A packet that stays on this host
// is in it once, as its driver saw it: seen again at the receiver it would be taken for a retransmission. One that TCP sent again
// is a packet of its own, and its comment says so: who adds up payload leaves it out.

import type { Journey } from '../path.js';
import type { Stamp } from '../record.js';
import { describe, formatDuration } from '../report.js';
import { sentAgain } from '../sent-again.js';

const blockType = { section: 0x0a0d0d0a, interface: 1, packet: 6 } as const;
const option = { end: 0, comment: 1, interfaceName: 2, timeResolution: 9, packetFlags: 2, application: 4 } as const;
/** LINKTYPE_RAW: begins with an IPv4 or IPv6 header, told apart by its version. */
const linkTypeRaw = 101;
/** Times in units of 10^-9 s. */
const nanoseconds = 9;

/** Writes little-endian values one behind the other. */
class Block {
  private bytes = new Uint8Array(256);
  private view = new DataView(this.bytes.buffer);
  private length = 0;

  constructor(type: number) {
    this.u32(type).u32(0);
  }

  private room(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const larger = new Uint8Array((this.length + more) * 2);
    for (let index = 0; index < this.length; index++) larger[index] = this.bytes[index]!;
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }

  u16(value: number): this {
    this.room(2);
    this.view.setUint16(this.length, value, true);
    this.length += 2;
    return this;
  }

  u32(value: number): this {
    this.room(4);
    this.view.setUint32(this.length, value, true);
    this.length += 4;
    return this;
  }

  /** Bytes, filled up to a multiple of four. */
  padded(bytes: Uint8Array): this {
    const whole = (bytes.length + 3) & ~3;
    this.room(whole);
    for (let index = 0; index < whole; index++) this.bytes[this.length + index] = bytes[index] ?? 0;
    this.length += whole;
    return this;
  }

  option(code: number, value: Uint8Array): this {
    return this.u16(code).u16(value.length).padded(value);
  }

  text(code: number, text: string): this {
    return this.option(code, new TextEncoder().encode(text));
  }

  /** The block, its length in both places. */
  finish(): Uint8Array {
    this.u32(option.end);
    const total = this.length + 4;
    this.u32(total);
    this.view.setUint32(4, total, true);
    return this.bytes.subarray(0, total);
  }
}

/**
 * The blocks of a capture file, one after the other.
 * @param wallOffsetNs what to add to the stamps' clock to have ns since 1970.
 */
export function* pcapngBlocks(
  journeys: readonly Journey[],
  subject: string,
  wallOffsetNs: bigint,
): Generator<Uint8Array> {
  const section = new Block(blockType.section).u32(0x1a2b3c4d).u16(1).u16(0).u32(0xffffffff).u32(0xffffffff);
  yield section.text(option.application, 'clearway journey').text(option.comment, subject).finish();
  const packets = journeys
    .flatMap((journey) => {
      const captured = capturedOf(journey);
      const again = sentAgain(captured);
      return captured.map((stamp) => ({ journey, stamp, isAgain: again.has(stamp) }));
    })
    .sort((a, b) => a.stamp.timeNs - b.stamp.timeNs);
  const interfaces = new Map<string, number>();
  for (const { journey, stamp, isAgain } of packets) {
    const key = `${stamp.namespace} ${stamp.interfaceIndex}`;
    let number = interfaces.get(key);
    if (number === undefined) {
      number = interfaces.size;
      interfaces.set(key, number);
      yield interfaceBlock(stamp);
    }
    yield packetBlock(stamp, number, wallOffsetNs, commentOf(journey, stamp, isAgain));
  }
}

/** A journey's packets: at its driver, or where it came from elsewhere, at the first place that saw them. */
function capturedOf({ stamps, fromElsewhere }: Journey): Stamp[] {
  const captured = stamps.filter(({ headers }) => headers !== undefined);
  if (!fromElsewhere) return captured.filter(({ point }) => point === 'driver');
  const polled = captured.filter(({ point }) => point === 'arrived');
  return polled.length > 0 ? polled : captured.filter(({ point }) => point === 'receive');
}

function interfaceBlock({ name, namespace }: Stamp): Uint8Array {
  return new Block(blockType.interface)
    .u16(linkTypeRaw)
    .u16(0)
    .u32(0)
    .text(option.interfaceName, name)
    .text(option.comment, `network namespace ${namespace}`)
    .option(option.timeResolution, Uint8Array.of(nanoseconds))
    .finish();
}

function packetBlock(stamp: Stamp, number: number, wallOffsetNs: bigint, comment: string): Uint8Array {
  const headers = stamp.headers!;
  const time = BigInt(stamp.timeNs) + wallOffsetNs;
  const block = new Block(blockType.packet)
    .u32(number)
    .u32(Number(time >> 32n))
    .u32(Number(time & 0xffffffffn))
    .u32(headers.length)
    .u32(headers.length + ((stamp.end - stamp.start) >>> 0))
    .padded(headers);
  const outbound = stamp.point === 'driver';
  return block
    .text(option.comment, comment)
    .option(option.packetFlags, Uint8Array.of(outbound ? 2 : 1, 0, 0, 0))
    .finish();
}

/** What is known of the packet's message: all stages, for whoever reads the capture. */
function commentOf(journey: Journey, stamp: Stamp, isAgain: boolean): string {
  const begin = journey.path[0]!.timeNs;
  const stages = journey.stages.map(({ from, to, durationNs }) => `${from} > ${to} ${formatDuration(durationNs)}`);
  const place = `${stamp.point}${isAgain ? ' (sent again)' : ''}`;
  return [
    `clearway message ${journey.id} at ${place}, ${formatDuration(stamp.timeNs - begin)} after its beginning`,
    describe(journey),
    `${journey.outcome} after ${formatDuration(journey.totalNs)}: ${stages.join(', ')}`,
  ].join('\n');
}
