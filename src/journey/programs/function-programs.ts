// Points that only function entries can show, where the host allows them: TCP's transmit, IP both ways, the receive queue.
// Each is optional: what a kernel lacks or refuses is named as not seen.

import { Assembler, fp, named, r0, r1, r2, r6, r7, r8, r9, type TypeSource } from '../../bpf/assembler.js';
import type { SetMember } from '../../bpf/program-set.js';
import { finish } from '../../meter/accounts/account-code.js';
import {
  at,
  emitDevice,
  emitFlowOfPacket,
  emitFlowOfSocket,
  emitImage,
  emitMessageInRange,
  emitRangeOfControlBlock,
  emitRecord,
} from './program-code.js';

const buffer = named(r6, 'buffer');
const socket = named(r9, 'socket');

/** The programs at function entries that this kernel has the functions for. */
export function functionPrograms(types: TypeSource): SetMember[] {
  const known = (names: readonly string[]) => names.filter((name) => types.prototype(name) !== undefined);
  return [
    ...known(['__tcp_transmit_skb']).map((name) => bySocket(types, 'transmit', name)),
    ...known(['__ip_queue_xmit', 'ip6_xmit']).map((name) => transmitted(types, name)),
    ...known(['ip_rcv_core', 'ip6_rcv_core', 'ip_rcv', 'ipv6_rcv']).map((name) => incoming(types, 'ipReceive', name)),
    ...known(['tcp_v4_rcv', 'tcp_v6_rcv']).map((name) => incoming(types, 'segment', name)),
    ...known(['tcp_queue_rcv']).map((name) => bySocket(types, 'tcpQueued', name)),
  ];
}

function member(target: string, a: Assembler): SetMember {
  return { name: `journey_${target}`, type: 'fentry', target, code: finish(a), optional: true };
}

/** A function of TCP's own: (sk, skb, ...), the range in the control block. */
function bySocket(types: TypeSource, point: 'transmit' | 'tcpQueued', target: string): SetMember {
  const a = new Assembler(types);
  a.loadArgument(socket, r1, 0, 'socket').loadArgument(buffer, r1, 1, 'buffer');
  emitImage(a);
  emitFlowOfSocket(a, socket, point === 'transmit' ? 'sent' : 'received', 'out');
  emitRangeOfControlBlock(a, types, buffer);
  emitMessageInRange(a, 'out');
  a.store(8, fp, at('buffer'), buffer);
  emitRecord(a, { point });
  return member(target, a);
}

/** IP is given a segment: (sk, skb, ...). The control block is IP's now; the TCP header stands at `data`. */
function transmitted(types: TypeSource, target: string): SetMember {
  const a = new Assembler(types);
  a.loadArgument(socket, r1, 0, 'socket').loadArgument(buffer, r1, 1, 'buffer');
  emitImage(a);
  emitFlowOfSocket(a, socket, 'sent', 'out');
  a.loadField(r1, buffer, 'sk_buff', 'data')
    .castReadOnly(r0, r1, 'tcphdr')
    .load(4, r1, r0, 4)
    .networkOrder(r1, 32)
    .store(4, fp, at('start'), r1)
    .load(2, r2, r0, 12)
    .and(r2, 0xf0)
    .alu('rsh', r2, 2)
    .sub(r1, r2)
    .loadField(r2, buffer, 'sk_buff', 'len')
    .add(r1, r2)
    .store(4, fp, at('end'), r1);
  emitMessageInRange(a, 'out');
  a.store(8, fp, at('buffer'), buffer);
  emitRecord(a, { point: 'internet' });
  return member(target, a);
}

/** A packet on its way in: (skb, ...). At IP's entry `data` is the IP header; at TCP's it is noted. */
function incoming(types: TypeSource, point: 'ipReceive' | 'segment', target: string): SetMember {
  const a = new Assembler(types);
  a.loadArgument(buffer, r1, 0, 'buffer');
  emitImage(a);
  emitFlowOfPacket(a, { buffer, place: r7, behind: r8 }, point === 'segment' ? 'network' : 'data', 'out');
  emitMessageInRange(a, 'out');
  a.store(8, fp, at('buffer'), buffer).loadField(socket, buffer, 'sk_buff', 'dev');
  emitDevice(a, types, socket);
  emitRecord(a, { point });
  return member(target, a);
}
