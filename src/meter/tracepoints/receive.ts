// Receiving, seen by tracepoints: sock:sock_recv_length is what a receive gave, which for TCP and UDP is also what was copied;
// skb:skb_copy_datagram_iovec is the copy itself, for all other sockets, tun and capture. TCP copies several buffers for
// one receive, so counting at its end is cheaper; UDP copies buffers in one piece inline. Both run in the receiver's context.

import { Assembler, fp, named, r0, r1, r2, r3, r6, r7, r8, r9, type TypeSource } from '../../bpf/assembler.js';
import type { SetMember } from '../../bpf/program-set.js';
import { AF, MSG } from '../../kernel/constants.js';
import { sys } from '../../kernel/numbers.js';
import { emitOwnAccount, finish, stackBelowKey, taskCounter } from '../accounts/account-code.js';
import { emitSocketAccount } from '../accounts/socket-accounts.js';
import { emitByProtocol, kernelThread, savedRegisters, workerThread } from './shared.js';

const systemCalls = sys as unknown as Record<string, number>;
const protocolTcp = 6;
const udpHeaderBytes = 8;

/** The programs that count receiving. */
export function receivePrograms(types: TypeSource, sockets = false): SetMember[] {
  return [countCopies(types), countReceives(types, sockets)];
}

/**
 * skb:skb_copy_datagram_iovec(skb, length). Buffers of UDP and TCP are left to the other program: it runs once for each receive
 * and this one once for each buffer, so TCP's share of it is kept to a few instructions. UDP's buffers are known by having no
 * socket (UDP does not set one on its queue, the others do) and by standing right behind their header. TCP_ZEROCOPY_RECEIVE is no
 * receive, so what that getsockopt(2) copies instead of mapping is not seen: telling it apart took as long as counting it.
 */
function countCopies(types: TypeSource): SetMember {
  const a = new Assembler(types);
  const context = named(r6, 'context');
  const buffer = named(r8, 'buffer');
  const length = named(r7, 'length');
  const task = named(r8, 'task');
  const socket = named(r9, 'socket');
  a.move(context, r1)
    .loadArgument(buffer, context, 0, 'buffer')
    .loadField(socket, buffer, 'sk_buff', 'sk')
    .jumpIf(socket, '==', 0, 'unknown')
    .loadField(r1, socket, 'sock', '__sk_common.skc_family')
    .jumpIf(r1, '==', AF.INET, 'internet')
    .jumpIf(r1, '!=', AF.INET6, 'count')
    .label('internet')
    .loadField(r1, socket, 'sock', 'sk_protocol')
    .jumpIf(r1, '==', protocolTcp, 'out')
    .jump('count')
    .label('unknown')
    .loadField(r1, buffer, 'sk_buff', 'data')
    .loadField(r2, buffer, 'sk_buff', 'head')
    .loadField(r3, buffer, 'sk_buff', 'transport_header')
    .sub(r1, r2)
    .add(r3, udpHeaderBytes)
    .jumpIf(r1, '==', r3, 'out')
    .label('count')
    .loadArgument(length, context, 1, 'length')
    .signExtend(length, 32)
    .jumpIf(length, 's<=', 0, 'out')
    .call('get_current_task_btf', {})
    .move(task, r0);
  emitOwnAccount(a, { task, socket, nullable: true, amount: length, lost: 'out' });
  a.loadField(r1, task, 'task_struct', 'flags')
    .jumpIf(r1, '&', kernelThread, 'to_kernel')
    .jumpIf(socket, '==', 0, 'other')
    .loadField(r1, socket, 'sock', '__sk_common.skc_family')
    .jumpIf(r1, '!=', AF.UNIX, 'other')
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
const kinds = { tcp: 0, udp: 1, other: 2 } as const;

/**
 * sock:sock_recv_length(sk, result, flags). Peeking copies and delivers nothing. With MSG_TRUNC a datagram's result is
 * its whole length, of which the caller's buffer got at most its own: recvfrom(2) tells that, other calls do not. TCP throws
 * its bytes away with MSG_TRUNC. What comes off TCP's error queue is copied and is no payload.
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
    .store(8, fp, flagsAt, r1)
    .loadArgument(socket, r6, 0, 'socket')
    .call('get_current_task_btf', {})
    .move(task, r0);
  emitByProtocol(a, socket, uncertain);
  a.label('tcp')
    .move(uncertain, 0)
    .load(8, r1, fp, flagsAt)
    .store(8, fp, kindAt, kinds.tcp)
    .jumpIf(r1, '&', MSG.ERRQUEUE, 'count')
    .jumpIf(r1, '&', MSG.TRUNC, 'thrown_away')
    .jump('count')
    .label('thrown_away')
    .store(8, fp, kindAt, kinds.other)
    .jump('count');
  a.label('udp').store(8, fp, kindAt, kinds.udp).jump('datagram');
  a.label('unix').label('other').store(8, fp, kindAt, kinds.other);
  a.label('datagram')
    .move(uncertain, 0)
    .load(8, r1, fp, flagsAt)
    .jumpIf(r1, '&', MSG.ERRQUEUE, 'out')
    .jumpIf(r1, '&', MSG.TRUNC, 'truncated')
    .jump('count');
  emitTruncated(a, types, { given, task, uncertain });
  a.label('count');
  emitOwnAccount(a, { task, socket, amount: given, lost: 'out' });
  a.increase(r0, taskCounter('receiveCalls'), 1, r1)
    .increase(r0, taskCounter('uncertain'), uncertain, r1)
    .load(8, r2, fp, kindAt)
    .jumpIf(r2, '==', kinds.other, 'payload')
    .jumpIf(r2, '==', kinds.udp, 'copied_udp')
    .loadField(r1, task, 'task_struct', 'flags')
    .jumpIf(r1, '&', kernelThread, 'to_kernel')
    .increase(r0, taskCounter('tcpReceived'), given, r1)
    .jump('payload')
    .label('to_kernel')
    .increase(r0, taskCounter('kernelReceived'), given, r1)
    .jump('payload')
    .label('copied_udp')
    .increase(r0, taskCounter('udpReceived'), given, r1)
    .label('payload')
    .load(8, r2, fp, flagsAt)
    .jumpIf(r2, '&', MSG.PEEK | MSG.ERRQUEUE, 'out')
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
