// Receiving, seen at the functions that do it: copies to the user's memory where they are made, payload at the protocols'
// receive functions. UDP copies buffers in one piece by an inlined function, so what udp_recvmsg gave counts there, and the
// copies made within it do not.

import { Assembler, fp, r0, r1, r2 } from '../../bpf/assembler.js';
import type { SetMember } from '../../bpf/program-set.js';
import { AF, MSG } from '../../kernel/constants.js';
import { finish, taskCounter } from '../accounts/account-code.js';
import { emitSocketAccount } from '../accounts/socket-accounts.js';
import { contextOffset, emitContext } from './context.js';
import {
  amount,
  type Choice,
  context,
  emitAddChosen,
  emitChoose,
  emitCount,
  emitIfKernel,
  emitOwn,
  emitSocketArgument,
  emitTask,
  socket,
  task,
  variableAt,
} from './own.js';
import {
  emitArgument,
  emitIntArgument,
  emitResult,
  findTarget,
  member,
  type Target,
  type TierTypes,
} from './target.js';

const protocolTcp = 6;
const flagsAt = variableAt(0);
const linearAt = variableAt(1);

/** The programs that count receiving. */
export function functionReceivePrograms(types: TierTypes, sockets: boolean): SetMember[] {
  const programs: SetMember[] = [];
  const add = (name: string, parameters: readonly string[], make: (target: Target) => SetMember[]): void => {
    const target = findTarget(types, [name], parameters);
    if (target !== undefined) programs.push(...make(target));
  };
  add('skb_copy_datagram_iter', ['skb', 'to', 'len'], (target) => [copyToUser(target)]);
  for (const name of ['udp_recvmsg', 'udpv6_recvmsg']) {
    add(name, ['sk', 'msg', 'len', 'flags'], (target) => [enterUdp(target), leaveUdp(target, sockets)]);
  }
  add('tcp_zerocopy_receive', ['sk', 'zc'], (target) => [mapPages(target)]);
  add('skb_splice_bits', ['skb', 'sk', 'offset', 'tlen'], (target) => [spliceOut(target)]);
  for (const row of receivers)
    add(row.name, [row.socket, row.size, 'flags'], (target) => [payload(target, row, sockets)]);
  return programs;
}

/** skb_copy_datagram_iter(skb, offset, to, len) -> 0, outside of UDP. A queued buffer knows its receiver, a unix one its sender. */
function copyToUser(target: Target): SetMember {
  const { types } = target;
  const a = new Assembler(types);
  const choice: Choice = { user: 'otherReceived', kernel: 'kernelReceived' };
  a.move(context, r1);
  emitResult(a, target, r1, context).jumpIf(r1, '!=', 0, 'out');
  emitIntArgument(a, target, amount, context, 'len').jumpIf(amount, 's<=', 0, 'out');
  emitContext(a, 'not_udp', false);
  a.load(8, r1, r0, contextOffset.inUdp).jumpIf(r1, '!=', 0, 'out').label('not_udp');
  emitArgument(a, target, r2, context, 'skb').loadField(socket, r2, 'sk_buff', 'sk');
  emitTask(a);
  emitArgument(a, target, r1, context, 'to').loadField(r2, r1, 'iov_iter', 'iter_type');
  emitChoose(a, types, r2, choice);
  emitOwn(a, types, 'any');
  emitIfKernel(a, choice, 'to_kernel');
  a.jumpIf(socket, '==', 0, 'other')
    .loadField(r2, socket, 'sock', '__sk_common.skc_family')
    .jumpIf(r2, '==', AF.UNIX, 'unix')
    .jumpIf(r2, '==', AF.INET, 'internet')
    .jumpIf(r2, '!=', AF.INET6, 'other')
    .label('internet')
    .loadField(r1, socket, 'sock', 'sk_protocol')
    .jumpIf(r1, '!=', protocolTcp, 'other')
    .increase(r0, taskCounter('tcpReceived'), amount, r1)
    .exit(0)
    .label('unix')
    .increase(r0, taskCounter('unixReceived'), amount, r1)
    .exit(0)
    .label('other')
    .increase(r0, taskCounter('otherReceived'), amount, r1)
    .exit(0)
    .label('to_kernel')
    .increase(r0, taskCounter('kernelReceived'), amount, r1);
  return member(target, 'fexit', 'fn_copy_to_user', finish(a), false);
}

/** Remembers that the task is in UDP's receive function: copies within are part of its result. */
function enterUdp(target: Target): SetMember {
  const a = new Assembler(target.types);
  emitContext(a, 'out', true);
  a.store(8, r0, contextOffset.inUdp, 1);
  return member(target, 'fentry', `fn_in_${target.name}`, finish(a), false);
}

/** udp_recvmsg(sk, msg, len, flags) -> the datagram's length: copied is what fits the buffer, also when peeking. */
function leaveUdp(target: Target, sockets: boolean): SetMember {
  const { types } = target;
  const a = new Assembler(types);
  const choice: Choice = { user: 'udpReceived', kernel: 'kernelReceived' };
  a.move(context, r1);
  emitContext(a, 'no_context', false);
  a.store(8, r0, contextOffset.inUdp, 0).label('no_context');
  emitReceived(a, target, 'sk', 'len');
  emitTask(a);
  emitArgument(a, target, r1, context, 'msg').loadField(r2, r1, 'msghdr', 'msg_iter.iter_type');
  emitChoose(a, types, r2, choice);
  emitOwn(a, types, 'user');
  emitAddChosen(a, amount, choice);
  emitPayload(a, sockets);
  return member(target, 'fexit', `fn_${target.name}`, finish(a), false);
}

/** The bytes received to `amount`, cut to the buffer given, the socket to `socket`, the flags to their place. */
function emitReceived(a: Assembler, target: Target, socketName: string, size: string | undefined): Assembler {
  emitIntArgument(a, target, r1, context, 'flags').store(8, fp, flagsAt, r1);
  emitSocketArgument(a, target, socketName);
  emitResult(a, target, amount, context).jumpIf(amount, 's<=', 0, 'out');
  if (size === undefined) return a;
  const whole = a.uniqueLabel('whole');
  emitArgument(a, target, r1, context, size);
  return a.jumpIf(r1, '>=', amount, whole).move(amount, r1).label(whole);
}

/** Counts a receive in the storage in r0: its payload unless it only peeked or read the error queue. */
function emitPayload(a: Assembler, sockets: boolean): Assembler {
  a.load(8, r2, fp, flagsAt)
    .jumpIf(r2, '&', MSG.ERRQUEUE, 'out')
    .increase(r0, taskCounter('receiveCalls'), 1, r1)
    .jumpIf(r2, '&', MSG.PEEK, 'out')
    .increase(r0, taskCounter('payloadReceived'), amount, r1);
  if (sockets) emitSocketAccount(a, { socket, task, amount, counter: 'received' });
  return a;
}

interface Receiver {
  readonly name: string;
  readonly socket: 'sk' | 'sock';
  /** The parameter with the buffer's size: datagrams cut to it say their whole length under MSG_TRUNC. */
  readonly size: 'len' | 'size';
  readonly whole?: boolean;
}

/** Receive functions whose result is payload, and no other's. A TCP receive with MSG_TRUNC delivers by discarding. */
const receivers: readonly Receiver[] = [
  { name: 'tcp_recvmsg', socket: 'sk', size: 'len', whole: true },
  { name: 'unix_stream_recvmsg', socket: 'sock', size: 'size', whole: true },
  { name: '__unix_dgram_recvmsg', socket: 'sk', size: 'size' },
  { name: 'raw_recvmsg', socket: 'sk', size: 'len' },
  { name: 'rawv6_recvmsg', socket: 'sk', size: 'len' },
  { name: 'netlink_recvmsg', socket: 'sock', size: 'len' },
  { name: 'packet_recvmsg', socket: 'sock', size: 'len' },
];

/** A receive function -> bytes given. */
function payload(target: Target, row: Receiver, sockets: boolean): SetMember {
  const a = new Assembler(target.types);
  a.move(context, r1);
  emitReceived(a, target, row.socket, row.whole === true ? undefined : row.size);
  emitTask(a);
  emitOwn(a, target.types, 'user');
  emitPayload(a, sockets);
  return member(target, 'fexit', `fn_${row.name}`, finish(a), row.name !== 'tcp_recvmsg');
}

/** tcp_zerocopy_receive(sk, zc, tss) -> 0: bytes mapped; what it copied beside them is seen as a copy. */
function mapPages(target: Target): SetMember {
  const { types } = target;
  const a = new Assembler(types);
  a.move(context, r1);
  emitResult(a, target, r1, context).jumpIf(r1, '!=', 0, 'out');
  emitArgument(a, target, socket, context, 'sk');
  emitArgument(a, target, r1, context, 'zc')
    .loadField(amount, r1, 'tcp_zerocopy_receive', 'length')
    .loadField(r2, r1, 'tcp_zerocopy_receive', 'copybuf_len')
    .jumpIf(r2, 's>', 0, 'copied_too')
    .move(r2, 0)
    .label('copied_too')
    .store(8, fp, linearAt, r2);
  emitCount(a, types, ['mapped', 'payloadReceived'], ['receiveCalls']);
  a.load(8, r2, fp, linearAt).increase(r0, taskCounter('payloadReceived'), r2, r1);
  return member(target, 'fexit', 'fn_map_pages', finish(a), true);
}

/**
 * skb_splice_bits(skb, sk, offset, pipe, tlen, flags) -> bytes into a pipe. The part in the buffer's own head is copied
 * to pages unless the head is itself a page that nobody shares (skb_head_is_locked, linear_to_page).
 */
function spliceOut(target: Target): SetMember {
  const { types } = target;
  const a = new Assembler(types);
  a.move(context, r1);
  emitResult(a, target, amount, context).jumpIf(amount, 's<=', 0, 'out');
  emitArgument(a, target, socket, context, 'sk');
  emitArgument(a, target, task, context, 'skb');
  a.store(8, fp, linearAt, 0)
    .loadField(r1, task, 'sk_buff', 'len')
    .loadField(r2, task, 'sk_buff', 'data_len')
    .sub(r1, r2);
  emitArgument(a, target, r2, context, 'offset')
    .alu32('add', r2, 0)
    .jumpIf(r1, '<=', r2, 'linear_known')
    .sub(r1, r2)
    .jumpIf(r1, '<=', amount, 'within')
    .move(r1, amount)
    .label('within')
    .store(8, fp, linearAt, r1)
    .loadField(r1, task, 'sk_buff', 'head_frag')
    .jumpIf(r1, '==', 0, 'linear_known')
    .loadField(r1, task, 'sk_buff', 'cloned')
    .jumpIf(r1, '!=', 0, 'linear_known')
    .store(8, fp, linearAt, 0)
    .label('linear_known');
  emitCount(a, types, ['splicedOut', 'payloadReceived'], ['receiveCalls']);
  a.load(8, r2, fp, linearAt)
    .increase(r0, taskCounter('otherCopied'), r2, r1)
    .negate(r2)
    .increase(r0, taskCounter('splicedOut'), r2, r1);
  return member(target, 'fexit', 'fn_splice_out', finish(a), false);
}
