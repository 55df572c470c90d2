// Sending, seen by tracepoints: sock:sock_send_length says how much a send took, tcp:tcp_sendmsg_locked says in which way.
// Both run in the sender's own context. Where a kernel lacks the second (before 6.14), the system call's number and
// flags say it, which leaves SEND_ZC of io_uring unseen there.

import {
  Assembler,
  fp,
  named,
  type Register,
  r0,
  r1,
  r2,
  r6,
  r7,
  r8,
  r9,
  stack,
  type TypeSource,
} from '../../bpf/assembler.js';
import type { SetMember } from '../../bpf/program-set.js';
import { MSG } from '../../kernel/constants.js';
import { sys } from '../../kernel/numbers.js';
import { emitOwnAccount, finish, stackBelowKey, taskCounter, taskOffset } from '../accounts/account-code.js';
import { accountBytes, causeOffset, commandBytes } from '../accounts/causes.js';
import { emitSocketAccount } from '../accounts/socket-accounts.js';
import { emitByProtocol, kernelThread, savedRegisters, workerThread } from './shared.js';

/** MSG_SPLICE_PAGES (include/linux/socket.h): internal to the kernel, set by sendfile and splice. */
const msgSplicePages = 0x0800_0000;
const systemCalls = sys as unknown as Record<string, number>;

/** The programs that count sending. `types` decides by what the kernel offers; see the head of this file. */
export function sendPrograms(types: TypeSource, sockets = false): SetMember[] {
  if (types.tracepoint('tcp_sendmsg_locked') === undefined) return [countSends(types, false, sockets)];
  return [noteTcpWay(types), countSends(types, true, sockets)];
}

/** Jumps to `otherwise` unless the socket's route can gather pages; without that, pages are copied. Clobbers r1. */
function emitGathers(a: Assembler, types: TypeSource, socket: Register, otherwise: string): void {
  const scatterGather = 1 << (types.enumValue('NETIF_F_SG_BIT') ?? 0);
  a.loadField(r1, socket, 'sock', 'sk_route_caps').and(r1, scatterGather).jumpIf(r1, '==', 0, otherwise);
}

/** Jumps to `otherwise` unless SO_ZEROCOPY is set; without that, MSG_ZEROCOPY is ignored. Clobbers r1. */
function emitMayPin(a: Assembler, types: TypeSource, socket: Register, otherwise: string): void {
  a.loadField(r1, socket, 'sock', '__sk_common.skc_flags')
    .alu('rsh', r1, types.enumValue('SOCK_ZEROCOPY') ?? 0)
    .and(r1, 1)
    .jumpIf(r1, '==', 0, otherwise);
}

/**
 * tcp:tcp_sendmsg_locked fires within the send, once for each buffer filled. Where the bytes travel otherwise than by
 * plain copy, the way is noted with the task for the end of the send. A pinned send also makes the socket known as this
 * process's, for copies that happen later in anyone's context (revert.ts).
 */
function noteTcpWay(types: TypeSource): SetMember {
  const a = new Assembler(types);
  const task = named(r6, 'task');
  const socket = named(r7, 'socket');
  const message = named(r8, 'message');
  const way = named(r9, 'way');
  a.move(r6, r1).loadArgument(socket, r6, 0, 'socket').loadArgument(message, r6, 1, 'message');
  a.loadField(r1, message, 'msghdr', 'msg_flags')
    .jumpIf(r1, '&', MSG.ZEROCOPY, 'zerocopy')
    .jumpIf(r1, '&', msgSplicePages, 'splice')
    .loadField(r1, message, 'msghdr', 'msg_iter.iter_type');
  for (const kind of ['ITER_UBUF', 'ITER_IOVEC']) {
    const value = types.enumValue(kind);
    if (value !== undefined) a.comment(kind).jumpIf(r1, '==', value, 'out');
  }
  emitRegisteredBuffer(a, types);
  a.label('from_kernel').move(way, causeOffset('kernelSent')).jump('remember').label('splice');
  emitGathers(a, types, socket, 'from_kernel');
  a.move(way, causeOffset('spliced')).jump('remember').label('zerocopy');
  a.loadField(r1, message, 'msghdr', 'msg_ubuf').jumpIf(r1, '!=', 0, 'wanted');
  emitMayPin(a, types, socket, 'out');
  a.label('wanted');
  emitGathers(a, types, socket, 'out');
  a.move(way, causeOffset('pinned')).label('remember').call('get_current_task_btf', {}).move(task, r0);
  emitOwnAccount(a, { task, socket, amount: way, lost: 'out' });
  a.load(4, r1, r0, taskOffset.way)
    .jumpIf(r1, '==', way, 'out')
    .store(4, r0, taskOffset.way, way)
    .jumpIf(way, '!=', causeOffset('pinned'), 'out')
    .move(way, r0)
    .add(way, taskOffset.key);
  emitSender(a, socket, way);
  a.loadField(r1, message, 'msghdr', 'msg_ubuf').jumpIf(r1, '==', 0, 'out');
  emitSender(a, r1, way);
  return { name: 'meter_tcp_way', type: 'tp_btf', target: 'tcp_sendmsg_locked', code: finish(a) };
}

/**
 * Goes to `out`, as for any plain copy, where memory that looks like the kernel's (in r1: its iter_type) is a buffer that
 * the user registered with io_uring: pages of an array, sent by a task that uses io_uring or by one of its workers.
 */
function emitRegisteredBuffer(a: Assembler, types: TypeSource): void {
  a.jumpIf(r1, '!=', types.enumValue('ITER_BVEC') ?? -1, 'from_kernel')
    .call('get_current_task_btf', {})
    .loadField(r1, r0, 'task_struct', 'flags')
    .jumpIf(r1, '&', kernelThread, 'from_kernel')
    .jumpIf(r1, '&', workerThread, 'out');
  if (!types.hasField('task_struct', 'io_uring')) return;
  a.loadField(r1, r0, 'task_struct', 'io_uring').jumpIf(r1, '!=', 0, 'out');
}

/** Files the key at `key` (in what the task keeps) under an address: of a socket, or of io_uring's completion record. */
function emitSender(a: Assembler, address: Register, key: Register): void {
  a.store(8, fp, stackBelowKey - 8, address).call('map_update_elem', {
    map: { map: 'meter_senders' },
    key: stack(stackBelowKey - 8),
    value: key,
    flags: 0,
  });
}

/** The variable that holds the counter's place while calls are made. */
const counterAt = stackBelowKey - 16;

/** sock:sock_send_length fires at the end of every send, with what was taken or an error. */
function countSends(types: TypeSource, wayIsNoted: boolean, sockets: boolean): SetMember {
  const a = new Assembler(types);
  const socket = named(r6, 'socket');
  const taken = named(r7, 'taken');
  const task = named(r8, 'task');
  const kept = named(r9, 'kept');
  a.move(r6, r1).loadArgument(taken, r6, 1, 'taken').signExtend(taken, 32).loadArgument(socket, r6, 0, 'socket');
  a.call('get_current_task_btf', {}).move(task, r0);
  emitOwnAccount(a, { task, socket, amount: taken, lost: 'out' });
  a.move(kept, r0);
  emitByProtocol(a, socket, r1);
  a.label('tcp').store(8, fp, counterAt, causeOffset('tcpSent'));
  if (wayIsNoted) emitNotedWay(a, kept);
  else a.jump('by_call');
  a.label('udp').store(8, fp, counterAt, causeOffset('udpSent')).jump('by_call');
  a.label('unix').store(8, fp, counterAt, causeOffset('unixSent')).jump('by_call');
  a.label('other').store(8, fp, counterAt, causeOffset('otherSent'));
  a.label('by_call');
  emitWayByCall(a, types, { socket, task, kept, tcpToo: !wayIsNoted });
  a.label('count')
    .jumpIf(taken, 's<=', 0, 'out')
    .increase(kept, taskCounter('payloadSent'), taken, r1)
    .increase(kept, taskCounter('sendCalls'), 1, r1)
    .load(8, r1, fp, counterAt)
    .add(kept, r1)
    .increase(kept, taskOffset.account, taken, r1);
  if (sockets) emitBySocket(a, { socket, taken, task });
  return { name: 'meter_send', type: 'tp_btf', target: 'sock_send_length', code: finish(a) };
}

/** The same for the socket: copied (place 0) or by reference (place 8). */
function emitBySocket(a: Assembler, { socket, taken, task }: Record<'socket' | 'taken' | 'task', Register>): void {
  const place = named(r9, 'place');
  a.call('get_current_task_btf', {})
    .move(task, r0)
    .load(8, r1, fp, counterAt)
    .move(place, 8)
    .jumpIf(r1, '==', causeOffset('spliced'), 'placed')
    .jumpIf(r1, '==', causeOffset('pinned'), 'placed')
    .move(place, 0)
    .label('placed');
  emitSocketAccount(a, { socket, task, amount: taken, counter: place });
}

/** Takes the way noted for this send, and clears it, also where the send failed. Goes on at `count`. */
function emitNotedWay(a: Assembler, kept: Register): void {
  a.load(4, r1, kept, taskOffset.way)
    .jumpIf(r1, '<', commandBytes, 'count')
    .jumpIf(r1, '>', accountBytes - 8, 'count')
    .store(4, kept, taskOffset.way, 0)
    .store(8, fp, counterAt, r1)
    .jump('count');
}

/** Sets the counter by the system call: spliced by sendfile and splice, from kernel memory by a kernel thread. */
function emitWayByCall(
  a: Assembler,
  types: TypeSource,
  { socket, task, kept, tcpToo }: { socket: Register; task: Register; kept: Register; tcpToo: boolean },
): void {
  const registers = savedRegisters(types);
  a.loadField(r1, task, 'task_struct', 'flags')
    .jumpIf(r1, '&', kernelThread, 'from_kernel')
    .jumpIf(r1, '&', workerThread, 'count')
    .call('task_pt_regs', { task })
    .loadField(r1, r0, 'pt_regs', registers.number)
    .jumpIf(r1, '==', systemCalls['sendfile']!, 'spliced')
    .jumpIf(r1, '==', systemCalls['splice']!, 'spliced');
  if (tcpToo) {
    a.load(8, r2, fp, counterAt)
      .jumpIf(r2, '!=', causeOffset('tcpSent'), 'count')
      .loadField(r2, r0, 'pt_regs', registers.fourth)
      .jumpIf(r1, '==', systemCalls['sendto']!, 'flags')
      .jumpIf(r1, '==', systemCalls['sendmmsg']!, 'flags')
      .loadField(r2, r0, 'pt_regs', registers.third)
      .jumpIf(r1, '!=', systemCalls['sendmsg']!, 'count')
      .label('flags')
      .and(r2, MSG.ZEROCOPY)
      .jumpIf(r2, '==', 0, 'count');
    emitMayPin(a, types, socket, 'count');
    emitGathers(a, types, socket, 'count');
    a.store(8, fp, counterAt, causeOffset('pinned')).move(task, kept).add(task, taskOffset.key);
    emitSender(a, socket, task);
  }
  a.jump('count').label('from_kernel').store(8, fp, counterAt, causeOffset('kernelSent')).jump('count');
  a.label('spliced').store(8, fp, counterAt, causeOffset('spliced'));
}
