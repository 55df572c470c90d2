// Packets on their way: given to a device, queued, sent by its driver, received, released or dropped. These run in
// anyone's context; a packet is known by its headers, never by its address alone: addresses are used again within microseconds.

import { Assembler, fp, named, r0, r1, r6, r7, r8, r9, stack, type TypeSource } from '../../bpf/assembler.js';
import type { SetMember } from '../../bpf/program-set.js';
import { finish } from '../../meter/accounts/account-code.js';
import type { PointName } from '../points.js';
import { type Choice, emitBegin } from './begin.js';
import {
  at,
  cpuOffset,
  emitCpu,
  emitDevice,
  emitFlowOfPacket,
  emitHeaders,
  emitImage,
  emitMessageInRange,
  emitRecord,
  messageOffset,
  protocolTcp,
  stackBelowImage,
} from './program-code.js';

const buffer = named(r6, 'buffer');
const place = named(r7, 'place');
const behind = named(r8, 'behind');
const device = named(r9, 'device');
const packet = { buffer, place, behind };

/** IFF_LOOPBACK. */
const loopback = 8;

/** The programs that see packets. */
export function packetPrograms(types: TypeSource, choice: Choice): SetMember[] {
  return [
    passing(types, 'deviceQueue', 'net_dev_queue', 0),
    { ...passing(types, 'qdiscIn', 'qdisc_enqueue', 2), optional: true },
    { ...passing(types, 'qdiscOut', 'qdisc_dequeue', 3), optional: true },
    driverProgram(types, choice),
    driverDoneProgram(types),
    { ...arrivingProgram(types, choice, 'arrived', 'napi_gro_receive_entry'), optional: true },
    arrivingProgram(types, choice, 'receive', 'netif_receive_skb'),
    freedProgram(types, 'released', 'consume_skb'),
    freedProgram(types, 'dropped', 'kfree_skb'),
  ];
}

/** Reads the packet and goes to `out` unless it carries bytes of a message that is followed; then names its device. */
function emitFollowed(a: Assembler, types: TypeSource, headersAt: 'network' | 'data'): void {
  emitImage(a);
  emitFlowOfPacket(a, packet, headersAt, 'out');
  emitMessageInRange(a, 'out');
  a.store(8, fp, at('buffer'), buffer).loadField(device, buffer, 'sk_buff', 'dev');
  emitDevice(a, types, device);
}

/** A place on the way out that a packet passes. */
function passing(types: TypeSource, point: PointName, target: string, argument: number): SetMember {
  const a = new Assembler(types);
  a.loadArgument(buffer, r1, argument, 'buffer').comment('an empty queue gives none').jumpIf(buffer, '==', 0, 'out');
  emitFollowed(a, types, 'network');
  emitRecord(a, { point });
  return { name: `journey_${point}`, type: 'tp_btf', target, code: finish(a) };
}

const keyAt = stackBelowImage - 16;

/** net:net_dev_start_xmit(skb, dev): the driver is called. Its end finds the packet by what the CPU keeps of it. */
function driverProgram(types: TypeSource, { headers }: Choice): SetMember {
  const a = new Assembler(types);
  a.loadArgument(buffer, r1, 0, 'buffer');
  emitFollowed(a, types, 'network');
  if (headers) emitHeaders(a, place);
  emitCpu(a, 'out');
  a.store(8, r0, cpuOffset.buffer, buffer)
    .load(8, r1, fp, at('journey'))
    .store(8, r0, cpuOffset.journey, r1)
    .load(8, r1, fp, at('start'))
    .store(8, r0, cpuOffset.start, r1)
    .loadField(r1, device, 'net_device', 'flags')
    .jumpIf(r1, '&', loopback, 'leave')
    .store(8, fp, keyAt, buffer)
    .call('map_update_elem', {
      map: { map: 'journey_buffers' },
      key: stack(keyAt),
      value: stack(at('journey')),
      flags: 0,
    })
    .label('leave');
  emitRecord(a, { point: 'driver', headers });
  return { name: 'journey_driver', type: 'tp_btf', target: 'net_dev_start_xmit', code: finish(a) };
}

/** net:net_dev_xmit(skb, result, dev, length): the driver took it. The buffer may be gone: only its address is compared. */
function driverDoneProgram(types: TypeSource): SetMember {
  const a = new Assembler(types);
  a.move(r8, r1).loadArgument(buffer, r8, 0, 'buffer');
  emitCpu(a, 'out');
  a.load(8, r1, r0, cpuOffset.buffer).jumpIf(r1, '!=', buffer, 'out').move(r7, r0);
  emitImage(a);
  a.load(8, r1, r7, cpuOffset.journey)
    .store(8, fp, at('journey'), r1)
    .load(8, r1, r7, cpuOffset.start)
    .store(8, fp, at('start'), r1)
    .store(8, r7, cpuOffset.buffer, 0)
    .store(8, fp, at('buffer'), buffer)
    .loadArgument(r1, r8, 1, 'result')
    .signExtend(r1, 32)
    .store(8, fp, at('value'), r1)
    .loadArgument(device, r8, 2, 'device');
  emitDevice(a, types, device);
  emitRecord(a, { point: 'driverDone' });
  return { name: 'journey_done', type: 'tp_btf', target: 'net_dev_xmit', code: finish(a) };
}

/**
 * A packet comes in. Bytes of a message that is followed from a sender on this host make it a local one. Bytes from
 * elsewhere (no TCP socket of this host owns the buffer, and the device is not loopback) begin a message of their own.
 */
function arrivingProgram(types: TypeSource, choice: Choice, point: PointName, target: string): SetMember {
  const a = new Assembler(types);
  a.loadArgument(buffer, r1, 0, 'buffer');
  emitImage(a);
  emitFlowOfPacket(a, packet, 'data', 'out');
  a.loadField(device, buffer, 'sk_buff', 'dev');
  emitMessageInRange(a, 'unknown');
  a.comment('the receiver is on this host').store(4, r0, messageOffset.local, 1).jump('leave').label('unknown');
  // A buffer that a TCP socket of this host owns was sent here. Others (of a tap device, say) come from elsewhere.
  a.loadField(r1, buffer, 'sk_buff', 'sk')
    .jumpIf(r1, '==', 0, 'unowned')
    .loadField(r1, r1, 'sock', 'sk_protocol')
    .jumpIf(r1, '==', protocolTcp, 'out')
    .label('unowned')
    .loadField(r1, device, 'net_device', 'flags')
    .jumpIf(r1, '&', loopback, 'out')
    .comment('only what is for this host: PACKET_HOST')
    .loadField(r1, buffer, 'sk_buff', 'pkt_type')
    .jumpIf(r1, '!=', 0, 'out');
  emitBegin(a, choice, 'elsewhere', 'out');
  a.comment('from elsewhere').store(8, fp, at('value'), 1).label('leave');
  a.store(8, fp, at('buffer'), buffer);
  emitDevice(a, types, device);
  if (choice.headers) emitHeaders(a, place);
  emitRecord(a, { point, headers: choice.headers });
  return { name: `journey_${point}`, type: 'tp_btf', target, code: finish(a) };
}

/** A buffer that a driver was given is freed. Its headers are read again: the address alone proves nothing. */
function freedProgram(types: TypeSource, point: PointName, target: string): SetMember {
  const a = new Assembler(types);
  a.move(device, r1)
    .loadArgument(buffer, device, 0, 'buffer')
    .store(8, fp, keyAt, buffer)
    .call('map_lookup_elem', { map: { map: 'journey_buffers' }, key: stack(keyAt) })
    .jumpIf(r0, '==', 0, 'out')
    .load(8, place, r0, 0);
  emitImage(a).store(8, fp, at('journey'), place);
  a.call('map_delete_elem', { map: { map: 'journey_buffers' }, key: stack(keyAt) });
  emitFlowOfPacket(a, packet, 'network', 'out');
  if (point === 'dropped') a.loadArgument(r1, device, 2, 'reason').store(8, fp, at('value'), r1);
  a.store(8, fp, at('buffer'), buffer);
  emitRecord(a, { point });
  return { name: `journey_${point}`, type: 'tp_btf', target, code: finish(a) };
}
