// The pieces that every program of the measured journey shares: the key of a connection from a socket or a packet's headers,
// the message under way on it, and the record that is left.
//
// A program keeps an image of its record on the stack from the start, so that the flow in it is also the key of the lookup.

import { type Assembler, fp, type Register, r0, r1, r2, stack, type TypeSource } from '../../bpf/assembler.js';
import type { MapSpec } from '../../bpf/map.js';
import { AF } from '../../kernel/constants.js';
import {
  flowBytes,
  flowOffset,
  headerBytes,
  type PointName,
  pointNumber,
  recordBytes,
  recordOffset,
  totalsBytes,
  totalsOffset,
} from '../points.js';

/** A message under way: which, since when, its bytes, how far the reader was told, and its state. */
export const messageOffset = { journey: 0, begunNs: 8, start: 16, end: 20, ready: 24, state: 28, local: 32 } as const;
export const messageBytes = 40;
/** Values of a message's state. `foreign`: done, and no process that is followed had to do with it. */
export const messageState = { underWay: 0, done: 1, foreign: 2 } as const;

/** What a task is doing: when it entered its call and which; what happened in it; the journeys it sends, reads, wakes for. */
export const taskOffset = { enteredNs: 0, call: 8, flags: 12, sending: 16, reading: 24, wokenFor: 32 } as const;
const taskBytes = 40;
/** Bits of a task's flags, within one system call. */
export const taskFlag = { considered: 1, sampledSend: 2, sampledRead: 4, sendUnderWay: 8, readLast: 16 } as const;

/** What a CPU is in the middle of: the journey whose reader is about to be woken; the buffer the driver is called with. */
export const cpuOffset = { wakesFor: 0, buffer: 8, journey: 16, start: 24, end: 28 } as const;

/** Bytes of the ring that records pass through. */
export const ringBytes = 8 * 1024 * 1024;

export const journeyMaps: readonly MapSpec[] = [
  { name: 'journey_flows', type: 'lru_hash', keyBytes: flowBytes, valueBytes: messageBytes, maxEntries: 16384 },
  { name: 'journey_buffers', type: 'lru_hash', keyBytes: 8, valueBytes: 8, maxEntries: 16384 },
  { name: 'journey_tasks', type: 'task_storage', keyBytes: 4, valueBytes: taskBytes, maxEntries: 0 },
  { name: 'journey_cpu', type: 'percpu_array', keyBytes: 4, valueBytes: 32, maxEntries: 1 },
  { name: 'journey_totals', type: 'array', keyBytes: 4, valueBytes: totalsBytes, maxEntries: 1 },
];

/** The image is as long as the longest record. */
const image = -(recordBytes + headerBytes);
/** Below this the stack is free for the programs' own variables. */
export const stackBelowImage = image;

/** Where on the stack a part of the record stands. */
export function at(part: keyof typeof recordOffset): number {
  return image + recordOffset[part];
}

/** Clears the image. To be called before any other piece. */
export function emitImage(a: Assembler): Assembler {
  for (let offset = 0; offset < recordBytes; offset += 8) a.store(8, fp, image + offset, 0);
  return a;
}

/** Adds to a word of the totals. Clobbers r1, r2. */
export function emitTotal(a: Assembler, offset: number, amount: Register | number = 1): Assembler {
  return a.loadMapValue(r1, 'journey_totals', offset).move(r2, amount).atomic('add', 8, r1, 0, r2);
}

/** Which end a socket is of the flow that is wanted: of what it sends, or of what it receives. */
export type Direction = 'sent' | 'received';

const mappedPrefix = 0xffff_0000 | 0;

/**
 * Writes the flow of a TCP socket into the image; goes to `other` for any other socket.
 * `socket` must survive calls. Clobbers r1.
 */
export function emitFlowOfSocket(a: Assembler, socket: Register, direction: Direction, other: string): void {
  const v6 = a.uniqueLabel('v6');
  const ports = a.uniqueLabel('ports');
  const [local, remote] =
    direction === 'sent' ? (['source', 'destination'] as const) : (['destination', 'source'] as const);
  const place = (end: 'source' | 'destination', word: number) => at('flow') + flowOffset[end] + word * 4;
  a.loadField(r1, socket, 'sock', 'sk_protocol')
    .jumpIf(r1, '!=', protocolTcp, other)
    .loadField(r1, socket, 'sock', '__sk_common.skc_family')
    .jumpIf(r1, '==', AF.INET6, v6)
    .jumpIf(r1, '!=', AF.INET, other);
  for (const [end, path] of [
    [local, 'skc_rcv_saddr'],
    [remote, 'skc_daddr'],
  ] as const) {
    a.store(8, fp, place(end, 0), 0).store(4, fp, place(end, 2), mappedPrefix);
    a.loadField(r1, socket, 'sock', `__sk_common.${path}`).store(4, fp, place(end, 3), r1);
  }
  a.jump(ports).label(v6);
  for (let word = 0; word < 4; word++) {
    a.loadField(r1, socket, 'sock', `__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[${word}]`)
      .store(4, fp, place(local, word), r1)
      .loadField(r1, socket, 'sock', `__sk_common.skc_v6_daddr.in6_u.u6_addr32[${word}]`)
      .store(4, fp, place(remote, word), r1);
  }
  const port = { source: flowOffset.sourcePort, destination: flowOffset.destinationPort };
  a.label(ports)
    .loadField(r1, socket, 'sock', '__sk_common.skc_num')
    .networkOrder(r1, 16)
    .store(2, fp, at('flow') + port[local], r1)
    .loadField(r1, socket, 'sock', '__sk_common.skc_dport')
    .store(2, fp, at('flow') + port[remote], r1);
}

export const protocolTcp = 6;
/** ETH_P_IP and ETH_P_IPV6 in network order, as a little-endian machine reads them. */
const etherIpv4 = 0x0008;
const etherIpv6 = 0xdd86;

/** Registers a packet's program uses: the buffer, and two for the way into its headers. All survive calls. */
export interface PacketRegisters {
  readonly buffer: Register;
  readonly place: Register;
  readonly behind: Register;
}

/**
 * Reads a packet's headers: the flow, and the sequence numbers of its payload (`start`, `end`), into the image. Goes to
 * `other` for what is not TCP or has no payload. Headers are read where the kernel notes them: at the network header on
 * the way out, at `data` where a packet has just come in. Afterwards `place` is the address of the IP header as a number.
 * Headers that a driver left outside of the linear part read as something else, and match nothing. Clobbers r0..r5.
 */
export function emitFlowOfPacket(
  a: Assembler,
  registers: PacketRegisters,
  headersAt: 'network' | 'data',
  other: string,
): void {
  const { buffer, place, behind } = registers;
  const v6 = a.uniqueLabel('v6');
  const tcp = a.uniqueLabel('tcp');
  const flow = at('flow');
  a.loadField(behind, buffer, 'sk_buff', 'data');
  if (headersAt === 'data') a.move(place, behind);
  else a.loadField(place, buffer, 'sk_buff', 'head').loadField(r1, buffer, 'sk_buff', 'network_header').add(place, r1);
  // Newer kernels take both addresses for pointers: only their difference is a number.
  a.comment('bytes from data to the IP header, then to the payload')
    .move(r1, place)
    .sub(r1, behind)
    .move(behind, r1)
    .loadField(r1, buffer, 'sk_buff', 'protocol')
    .jumpIf(r1, '==', etherIpv6, v6)
    .jumpIf(r1, '!=', etherIpv4, other)
    .castReadOnly(r0, place, 'iphdr')
    .load(1, r1, r0, 9)
    .jumpIf(r1, '!=', protocolTcp, other);
  for (const [end, offset] of [
    [flowOffset.source, 12],
    [flowOffset.destination, 16],
  ] as const) {
    a.store(8, fp, flow + end, 0).store(4, fp, flow + end + 8, mappedPrefix);
    a.load(4, r1, r0, offset).store(4, fp, flow + end + 12, r1);
  }
  a.comment('header length in words of 4')
    .load(1, r1, r0, 0)
    .and(r1, 15)
    .alu('lsh', r1, 2)
    .jump(tcp)
    .label(v6)
    .castReadOnly(r0, place, 'ipv6hdr')
    .load(1, r1, r0, 6)
    .jumpIf(r1, '!=', protocolTcp, other);
  for (let word = 0; word < 8; word++) a.load(4, r1, r0, 8 + word * 4).store(4, fp, flow + word * 4, r1);
  a.move(r1, 40).label(tcp).add(behind, r1).add(r1, place);
  a.castReadOnly(r0, r1, 'tcphdr')
    .load(2, r1, r0, 0)
    .store(2, fp, flow + flowOffset.sourcePort, r1)
    .load(2, r1, r0, 2)
    .store(2, fp, flow + flowOffset.destinationPort, r1)
    .comment('offset of the payload, in the high four bits')
    .load(2, r1, r0, 12)
    .and(r1, 0xf0)
    .alu('rsh', r1, 2)
    .add(behind, r1)
    .load(4, r1, r0, 4)
    .networkOrder(r1, 32)
    .store(4, fp, at('start'), r1)
    .loadField(r2, buffer, 'sk_buff', 'len')
    .sub(r2, behind)
    .jumpIf(r2, 's<=', 0, other)
    .add(r1, r2)
    .store(4, fp, at('end'), r1);
}

/** The sequence numbers in a buffer's control block (struct tcp_skb_cb), as TCP keeps them. r0 is the block. */
export function emitRangeOfControlBlock(a: Assembler, types: TypeSource, buffer: Register): void {
  a.move(r1, buffer).add(r1, types.field('sk_buff', 'cb').offset);
  a.castReadOnly(r0, r1, 'tcp_skb_cb')
    .loadField(r1, r0, 'tcp_skb_cb', 'seq')
    .store(4, fp, at('start'), r1)
    .loadField(r1, r0, 'tcp_skb_cb', 'end_seq')
    .store(4, fp, at('end'), r1);
}

/** The message under way on the flow of the image, in r0; goes to `none` where there is none. Clobbers r1..r5. */
export function emitMessage(a: Assembler, none: string): void {
  a.call('map_lookup_elem', { map: { map: 'journey_flows' }, key: stack(at('flow')) })
    .jumpIf(r0, '==', 0, none)
    .load(8, r1, r0, messageOffset.journey)
    .store(8, fp, at('journey'), r1);
}

/** As {@link emitMessage}, and goes to `none` unless it is under way and the image's range touches it. */
export function emitMessageInRange(a: Assembler, none: string): void {
  emitMessage(a, none);
  a.load(4, r1, r0, messageOffset.state).jumpIf(r1, '!=', messageState.underWay, none);
  emitBefore(a, { stack: at('end') }, messageOffset.start, none);
  a.load(4, r1, r0, messageOffset.end)
    .load(4, r2, fp, at('start'))
    .comment('sequence numbers wrap: their difference has the sign')
    .alu32('sub', r1, r2)
    .jumpIf32(r1, 's<=', 0, none);
}

/** Goes to `none` unless the sequence number is beyond the message's word. r0 is the message. Clobbers r1, r2. */
export function emitBefore(a: Assembler, number: { stack: number }, word: number, none: string): void {
  a.load(4, r1, fp, number.stack).load(4, r2, r0, word).alu32('sub', r1, r2).jumpIf32(r1, 's<=', 0, none);
}

/** Names the device of a packet in the image: index, name, network namespace. `device` must survive. Clobbers r1, r2. */
export function emitDevice(a: Assembler, types: TypeSource, device: Register): void {
  a.loadField(r1, device, 'net_device', 'ifindex').store(4, fp, at('interfaceIndex'), r1);
  const name = types.field('net_device', 'name').offset;
  for (let offset = 0; offset < 16; offset += 8) {
    a.load(8, r1, device, name + offset).store(8, fp, at('name') + offset, r1);
  }
  a.loadField(r1, device, 'net_device', 'nd_net.net')
    .loadField(r1, r1, 'net', 'ns.inum')
    .store(4, fp, at('namespace'), r1);
}

/** Copies the first bytes of a packet from its IP header on into the image. `place` is its address. Clobbers r0..r5. */
export function emitHeaders(a: Assembler, place: Register): void {
  a.comment('any structure of plain words will do').castReadOnly(r0, place, 'pt_regs');
  for (let offset = 0; offset < headerBytes; offset += 8) {
    a.load(8, r1, r0, offset).store(8, fp, at('headers') + offset, r1);
  }
}

/** The name of the running task, for the image. Clobbers r0..r5. */
export function emitTaskName(a: Assembler): void {
  a.call('get_current_comm', { buffer: stack(at('name')), size: 16 });
}

/** What leaves a record needs: the point (or a register with its number), and whether headers are in the image. */
export interface Leaving {
  readonly point: PointName;
  readonly headers?: boolean;
}

/**
 * Leaves the image as a record. Where the ring has no room, that is counted for the point. Clobbers r0..r5.
 * The time is now.
 */
export function emitRecord(a: Assembler, { point, headers = false }: Leaving): void {
  const left = a.uniqueLabel('left');
  a.store(4, fp, at('point'), pointNumber(point))
    .call('get_current_pid_tgid', {})
    .store(8, fp, at('thread'), r0)
    .call('ktime_get_ns', {})
    .store(8, fp, at('timeNs'), r0)
    .call('ringbuf_output', {
      ring: { map: 'journey_ring' },
      data: stack(image),
      size: recordBytes + (headers ? headerBytes : 0),
      flags: 0,
    })
    .jumpIf(r0, '==', 0, left);
  emitTotal(a, totalsOffset.lost + 8 * pointNumber(point));
  a.label(left);
}

/** What the running task keeps, in r0; goes to `none` where there is none or no memory for one. Clobbers r1..r5. */
export function emitTask(a: Assembler, none: string, create: boolean): void {
  a.call('get_current_task_btf', {})
    .call('task_storage_get', { map: { map: 'journey_tasks' }, task: r0, value: 0, flags: create ? 1 : 0 })
    .jumpIf(r0, '==', 0, none);
}

/** Goes to `member` where the running process is one of those that are followed. Needs 4 bytes of stack. Clobbers r0..r5. */
export function emitIfMember(a: Assembler, keyAt: number, member: string): void {
  a.call('get_current_pid_tgid', {})
    .alu('rsh', r0, 32)
    .store(4, fp, keyAt, r0)
    .call('map_lookup_elem', { map: { map: 'meter_members' }, key: stack(keyAt) })
    .jumpIf(r0, '!=', 0, member);
}

/** What this CPU is in the middle of, in r0. Needs 4 bytes of stack below the image. Clobbers r1..r5. */
export function emitCpu(a: Assembler, none: string): void {
  a.store(4, fp, stackBelowImage - 8, 0)
    .call('map_lookup_elem', { map: { map: 'journey_cpu' }, key: stack(stackBelowImage - 8) })
    .jumpIf(r0, '==', 0, none);
}
