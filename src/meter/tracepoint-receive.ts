// Receiving, seen by tracepoints: skb:skb_copy_datagram_iovec is the copy itself, for every socket but UDP (and tun and
// capture); sock:sock_recv_length is what a receive gave, and for UDP also the copy, which it makes inline for
// buffers in one piece. Both run in the receiver's own context.

import { Assembler, fp, named, r0, r1, r2, r3, r6, r7, r8, r9, type TypeSource } from '../bpf/assembler.js';
import type { SetMember } from '../bpf/program-set.js';
import { AF, MSG } from '../kernel/constants.js';
import { sys } from '../kernel/numbers.js';
import { emitOwnAccount, finish, stackBelowKey, taskCounter } from './account-code.js';
import { emitSocketAccount } from './socket-accounts.js';
import { emitByProtocol, kernelThread, savedRegisters, workerThread } from './tracepoint-shared.js';

const systemCalls = sys as unknown as Record<string, number>;
const protocolTcp = 6;
const udpHeaderBytes = 8;

/** The programs that count receiving. */
export function receivePrograms(types: TypeSource, sockets = false): SetMember[] {
  return [countCopies(types), countReceives(types, sockets)];
}

/**
 * skb:skb_copy_datagram_iovec(skb, length). A UDP socket's buffers are left to the other program; they are known by
 * having no socket (UDP does not set one on its queue, the others do) and by standing right behind their header.
 */
function countCopies(types: TypeSource): SetMember {
  const a = new Assembler(types);
  const buffer = named(r6, 'buffer');
  const length = named(r7, 'length');
  const task = named(r8, 'task');
  const socket = named(r9, 'socket');
  a.move(r6, r1)
    .loadArgument(length, r6, 1, 'length')
    .signExtend(length, 32)
    .jumpIf(length, 's<=', 0, 'out')
    .loadArgument(buffer, r6, 0, 'buffer')
    .loadField(socket, buffer, 'sk_buff', 'sk')
    .jumpIf(socket, '!=', 0, 'count')
    .loadField(r1, buffer, 'sk_buff', 'data')
    .loadField(r2, buffer, 'sk_buff', 'head')
    .loadField(r3, buffer, 'sk_buff', 'transport_header')
    .sub(r1, r2)
    .add(r3, udpHeaderBytes)
    .jumpIf(r1, '==', r3, 'out')
    .label('count')
    .call('get_current_task_btf', {})
    .move(task, r0);
  emitOwnAccount(a, { task, socket, nullable: true, amount: length, lost: 'out' });
  a.loadField(r1, task, 'task_struct', 'flags')
    .jumpIf(r1, '&', kernelThread, 'to_kernel')
    .jumpIf(socket, '==', 0, 'other')
    .loadField(r1, socket, 'sock', '__sk_common.skc_family')
    .jumpIf(r1, '==', AF.UNIX, 'unix')
    .jumpIf(r1, '==', AF.INET, 'internet')
    .jumpIf(r1, '!=', AF.INET6, 'other')
    .label('internet')
    .loadField(r1, socket, 'sock', 'sk_protocol')
    .jumpIf(r1, '!=', protocolTcp, 'other')
    .increase(r0, taskCounter('tcpReceived'), length, r1)
    .exit(0)
    .label('unix')
    .increase(r0, taskCounter('unixReceived'), length, r1)
    .exit(0)
    .label('other')
    .increase(r0, taskCounter('otherReceived'), length, r1)
    .exit(0)
    .label('to_kernel')
    .increase(r0, taskCounter('kernelReceived'), length, r1);
  return { name: 'meter_copy', type: 'tp_btf', target: 'skb_copy_datagram_iovec', code: finish(a) };
}

/** Variables on the stack: flags of the receive, and what it is: */
const flagsAt = stackBelowKey - 16;
const kindAt = stackBelowKey - 24;
const kinds = { tcp: 0, udp: 1, other: 2, urgent: 3 } as const;

/**
 * sock:sock_recv_length(sk, result, flags). Peeking copies and delivers nothing. With MSG_TRUNC a datagram's result is
 * its whole length, of which the caller's buffer got at most its own: recvfrom(2) tells that, other calls do not. TCP copies
 * its byte of urgent data (tcp_recv_urg) from the connection's own state, not from a buffer.
 */
function countReceives(types: TypeSource, sockets: boolean): SetMember {
  const a = new Assembler(types);
  const socket = named(r6, 'socket');
  const given = named(r7, 'given');
  const task = named(r8, 'task');
  const uncertain = named(r9, 'uncertain');
  a.move(r6, r1)
    .loadArgument(given, r6, 1, 'given')
    .signExtend(given, 32)
    .jumpIf(given, 's<=', 0, 'out')
    .loadArgument(r1, r6, 2, 'flags')
    .jumpIf(r1, '&', MSG.ERRQUEUE, 'out')
    .store(8, fp, flagsAt, r1)
    .loadArgument(socket, r6, 0, 'socket')
    .call('get_current_task_btf', {})
    .move(task, r0);
  emitByProtocol(a, socket, uncertain);
  a.label('tcp')
    .move(uncertain, 0)
    .load(8, r1, fp, flagsAt)
    .store(8, fp, kindAt, kinds.tcp)
    .and(r1, MSG.OOB | MSG.TRUNC)
    .jumpIf(r1, '!=', MSG.OOB, 'count')
    .store(8, fp, kindAt, kinds.urgent)
    .jump('count');
  a.label('udp').store(8, fp, kindAt, kinds.udp).jump('datagram');
  a.label('unix').label('other').store(8, fp, kindAt, kinds.other);
  a.label('datagram').move(uncertain, 0).load(8, r1, fp, flagsAt).jumpIf(r1, '&', MSG.TRUNC, 'truncated').jump('count');
  emitTruncated(a, types, { given, task, uncertain });
  a.label('count');
  emitOwnAccount(a, { task, socket, amount: given, lost: 'out' });
  a.increase(r0, taskCounter('receiveCalls'), 1, r1)
    .increase(r0, taskCounter('uncertain'), uncertain, r1)
    .load(8, r2, fp, kindAt)
    .jumpIf(r2, '!=', kinds.udp, 'not_udp')
    .increase(r0, taskCounter('udpReceived'), given, r1)
    .jump('payload')
    .label('not_udp')
    .jumpIf(r2, '!=', kinds.urgent, 'payload')
    .increase(r0, taskCounter('tcpReceived'), given, r1)
    .label('payload')
    .load(8, r2, fp, flagsAt)
    .jumpIf(r2, '&', MSG.PEEK, 'out')
    .increase(r0, taskCounter('payloadReceived'), given, r1);
  if (sockets) emitSocketAccount(a, { socket, task, amount: given, counter: 'received' });
  return { name: 'meter_receive', type: 'tp_btf', target: 'sock_recv_length', code: finish(a) };
}

/** Cuts `given` to the buffer's length where recvfrom(2) says it; else marks it as uncertain. */
function emitTruncated(
  a: Assembler,
  types: TypeSource,
  { given, task, uncertain }: { given: typeof r7; task: typeof r8; uncertain: typeof r9 },
): void {
  const registers = savedRegisters(types);
  a.label('truncated')
    .loadField(r1, task, 'task_struct', 'flags')
    .jumpIf(r1, '&', kernelThread | workerThread, 'unknown')
    .call('task_pt_regs', { task })
    .loadField(r1, r0, 'pt_regs', registers.number)
    .jumpIf(r1, '!=', systemCalls['recvfrom']!, 'unknown')
    .loadField(r1, r0, 'pt_regs', registers.third)
    .jumpIf(r1, '>=', given, 'count')
    .move(given, r1)
    .jump('count')
    .label('unknown')
    .move(uncertain, given);
}
