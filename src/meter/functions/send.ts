// Sending, seen at the functions that do it. Which bytes a TCP send copied is what is left of its result after those it
// pinned and spliced; the other protocols are counted at the copy itself. Payload is what the protocols' send functions
// took. Fast Open's SYN data (tcp_send_syn_data is inlined) and headers a raw socket's user wrote are not seen.

import { Assembler, fp, r0, r1, r2, r3 } from '../../bpf/assembler.js';
import type { SetMember } from '../../bpf/program-set.js';
import { AF } from '../../kernel/constants.js';
import { finish, taskCounter, taskOffset } from '../accounts/account-code.js';
import type { CauseName } from '../accounts/causes.js';
import { emitSocketAccount } from '../accounts/socket-accounts.js';
import { contextOffset, emitContext } from './context.js';
import {
  amount,
  type Choice,
  context,
  emitAddChosen,
  emitChoose,
  emitCount,
  emitOwn,
  emitSocketArgument,
  emitTask,
  socket,
  task,
  variableAt,
} from './own.js';
import { emitNoteAddress } from './owner.js';
import {
  emitArgument,
  emitIntArgument,
  emitResult,
  findTarget,
  member,
  type Target,
  type TierTypes,
} from './target.js';
import { emitUntypedField } from './untyped.js';

/** MSG_SPLICE_PAGES (include/linux/socket.h): internal to the kernel, set by sendfile and splice since 6.5. */
const msgSplicePages = 0x0800_0000;
const protocol = { tcp: 6, udp: 17, udpLite: 136 } as const;
const pinnedAt = variableAt(0);
const splicedAt = variableAt(1);
const keyPlaceAt = variableAt(2);

/** The programs that count sending. What a kernel does not have, under any of its names, has no program. */
export function functionSendPrograms(types: TierTypes, sockets: boolean): SetMember[] {
  const programs: SetMember[] = [];
  const add = (names: readonly string[], parameters: readonly string[], make: (target: Target) => SetMember): void => {
    const target = findTarget(types, names, parameters);
    if (target !== undefined) programs.push(make(target));
  };
  add(['tcp_sendmsg_locked'], ['sk', 'msg'], (target) => tcpSend(target, sockets));
  add(['skb_zerocopy_iter_stream'], ['sk', 'uarg'], tcpPin);
  add(['skb_splice_from_iter'], ['skb'], splice);
  add(['do_tcp_sendpages'], ['sk'], (target) => tcpPages(target, sockets));
  add(['__zerocopy_sg_from_iter'], ['msg', 'sk', 'length'], datagramPin);
  add(['ip_generic_getfrag'], ['from', 'len', 'skb'], (target) => datagramCopy(target));
  add(['skb_copy_datagram_from_iter'], ['skb', 'from', 'len'], streamCopy);
  add(['unix_stream_sendpage'], ['socket'], (target) => pages(target, 'socket'));
  add(['ip_append_page'], ['sk'], (target) => pages(target, 'sk'));
  for (const row of senders) add([row.name], [row.socket], (target) => payload(target, row, sockets));
  return programs;
}

const tcpChoice: Choice = { user: 'tcpSent', kernel: 'kernelSent' };

/** Goes to `out` where a protocol above TCP (kTLS) sends its own pages through the socket: not the user's bytes. */
function emitUnlessInner(a: Assembler): Assembler {
  return a
    .call('skc_to_tcp_sock', { socket })
    .jumpIf(r0, '==', 0, 'out')
    .loadField(r1, r0, 'tcp_sock', 'inet_conn.icsk_ulp_ops')
    .jumpIf(r1, '!=', 0, 'out');
}

/** tcp_sendmsg_locked(sk, msg, size) -> bytes taken: the end of a TCP send in any way. */
function tcpSend(target: Target, sockets: boolean): SetMember {
  const { types } = target;
  const a = new Assembler(types);
  const plain = 'plain';
  a.move(context, r1);
  emitArgument(a, target, socket, context, 'sk');
  emitResult(a, target, amount, context);
  a.store(8, fp, pinnedAt, 0).store(8, fp, splicedAt, 0);
  emitContext(a, 'no_context', false);
  a.load(8, r1, r0, contextOffset.pinned)
    .store(8, fp, pinnedAt, r1)
    .load(8, r1, r0, contextOffset.spliced)
    .store(8, fp, splicedAt, r1)
    .store(8, r0, contextOffset.pinned, 0)
    .store(8, r0, contextOffset.spliced, 0)
    .label('no_context')
    .jumpIf(amount, 's<=', 0, 'out');
  emitTask(a);
  if (types.prototype('skb_splice_from_iter') !== undefined) {
    emitArgument(a, target, r1, context, 'msg')
      .loadField(r2, r1, 'msghdr', 'msg_flags')
      .and(r2, msgSplicePages)
      .jumpIf(r2, '==', 0, plain);
    emitUnlessInner(a);
    a.label(plain);
  }
  emitArgument(a, target, r1, context, 'msg').loadField(r2, r1, 'msghdr', 'msg_iter.iter_type');
  emitChoose(a, types, r2, tcpChoice);
  emitOwn(a, types, 'user');
  a.increase(r0, taskCounter('payloadSent'), amount, r1).increase(r0, taskCounter('sendCalls'), 1, r1);
  for (const [at, name] of [
    [pinnedAt, 'pinned'],
    [splicedAt, 'spliced'],
  ] as const) {
    a.load(8, r2, fp, at).increase(r0, taskCounter(name), r2, r1).sub(amount, r2);
  }
  emitAddChosen(a, amount, tcpChoice);
  if (sockets) emitBySocket(a, () => tcpPlace(a));
  return member(target, 'fexit', 'fn_tcp_send', finish(a), false);
}

/** A socket's account has two counters of sends (socket-accounts.ts): copied at 0, by reference at 8. */
const place = context;
const copied = 0;
const byReference = 8;

/** Adds `amount` to the socket's account, at the place that `choose` puts into `place`. */
function emitBySocket(a: Assembler, choose: () => Assembler): void {
  choose();
  emitSocketAccount(a, { socket, task, amount, counter: place });
}

/** A TCP send of which anything went by reference counts as that; `amount` is the whole again. */
function tcpPlace(a: Assembler): Assembler {
  return a
    .load(8, r1, fp, pinnedAt)
    .load(8, r2, fp, splicedAt)
    .add(r1, r2)
    .add(amount, r1)
    .move(place, copied)
    .jumpIf(r1, '==', 0, 'placed')
    .move(place, byReference)
    .label('placed');
}

/** Adds to a number that the TCP send under way keeps. Ends the program where there is no memory. */
function emitPending(a: Assembler, offset: number): Assembler {
  emitContext(a, 'out', true);
  return a.increase(r0, offset, amount, r1);
}

/** skb_zerocopy_iter_stream(sk, skb, msg, len, uarg) -> bytes pinned. The sender is noted for what happens to them later. */
function tcpPin(target: Target): SetMember {
  const a = new Assembler(target.types);
  a.move(context, r1);
  emitArgument(a, target, socket, context, 'sk');
  emitResult(a, target, amount, context);
  a.jumpIf(amount, 's<=', 0, 'out').loadField(r1, socket, 'sock', 'sk_protocol').jumpIf(r1, '!=', protocol.tcp, 'out');
  emitPending(a, contextOffset.pinned);
  emitTask(a);
  emitOwn(a, target.types, 'user');
  emitNotePinned(a, (record) => emitArgument(a, target, record, context, 'uarg'));
  return member(target, 'fexit', 'fn_tcp_pin', finish(a), false);
}

/** Notes the socket, and the record of the pages, as the current task's (storage in r0). */
function emitNotePinned(a: Assembler, loadRecord: (record: typeof r1) => void): void {
  a.add(r0, taskOffset.key).store(8, fp, keyPlaceAt, r0).move(r3, r0);
  emitNoteAddress(a, socket, r3);
  loadRecord(r1);
  a.jumpIf(r1, '==', 0, 'out').load(8, r3, fp, keyPlaceAt);
  emitNoteAddress(a, r1, r3);
}

/** skb_splice_from_iter(skb, iter, ...) -> bytes by reference, since 6.5: TCP (whose buffers have no socket yet), unix, UDP. */
function splice(target: Target): SetMember {
  const a = new Assembler(target.types);
  a.move(context, r1);
  emitArgument(a, target, r2, context, 'skb').loadField(socket, r2, 'sk_buff', 'sk');
  emitResult(a, target, amount, context);
  a.jumpIf(amount, 's<=', 0, 'out')
    .jumpIf(socket, '==', 0, 'tcp')
    .loadField(r1, socket, 'sock', 'sk_protocol')
    .jumpIf(r1, '==', protocol.tcp, 'tcp');
  emitTask(a);
  emitOwn(a, target.types, 'user');
  a.increase(r0, taskCounter('spliced'), amount, r1).exit(0).label('tcp');
  emitPending(a, contextOffset.spliced);
  return member(target, 'fexit', 'fn_splice', finish(a), false);
}

/** do_tcp_sendpages(sk, page, ...) -> bytes by reference, before 6.5. Called for kTLS's own pages too. */
function tcpPages(target: Target, sockets: boolean): SetMember {
  const a = new Assembler(target.types);
  a.move(context, r1);
  emitArgument(a, target, socket, context, 'sk');
  emitResult(a, target, amount, context);
  a.jumpIf(amount, 's<=', 0, 'out');
  emitUnlessInner(a);
  emitCount(a, target.types, ['spliced', 'payloadSent'], ['sendCalls']);
  if (sockets) emitBySocket(a, () => a.move(place, byReference));
  return member(target, 'fexit', 'fn_tcp_pages', finish(a), false);
}

/** unix_stream_sendpage(socket, page, offset, size) -> bytes; ip_append_page(sk, ..., size) -> 0: before 6.5. */
function pages(target: Target, name: 'socket' | 'sk'): SetMember {
  const a = new Assembler(target.types);
  a.move(context, r1);
  emitSocketArgument(a, target, name);
  emitResult(a, target, amount, context);
  if (name === 'sk') {
    a.jumpIf(amount, '!=', 0, 'out');
    emitArgument(a, target, amount, context, 'size');
  }
  a.jumpIf(amount, 's<=', 0, 'out');
  emitCount(a, target.types, ['spliced', 'payloadSent'], ['sendCalls']);
  return member(target, 'fexit', name === 'sk' ? 'fn_udp_pages' : 'fn_unix_pages', finish(a), true);
}

/** __zerocopy_sg_from_iter(msg, sk, skb, from, length) -> 0: pages pinned; here for what is not TCP. */
function datagramPin(target: Target): SetMember {
  const a = new Assembler(target.types);
  a.move(context, r1);
  emitResult(a, target, r1, context).jumpIf(r1, '!=', 0, 'out');
  emitArgument(a, target, amount, context, 'length');
  emitArgument(a, target, socket, context, 'sk')
    .jumpIf(socket, '==', 0, 'out')
    .loadField(r1, socket, 'sock', 'sk_protocol')
    .jumpIf(r1, '==', protocol.tcp, 'out');
  emitTask(a);
  emitOwn(a, target.types, 'user');
  a.increase(r0, taskCounter('pinned'), amount, r1);
  emitNotePinned(a, (record) => {
    emitArgument(a, target, record, context, 'msg').jumpIf(record, '==', 0, 'out');
    a.loadField(record, record, 'msghdr', 'msg_ubuf');
  });
  return member(target, 'fexit', 'fn_datagram_pin', finish(a), true);
}

/** ip_generic_getfrag(from, to, offset, len, odd, skb) -> 0: `from` is the msghdr; UDP, and raw sockets behind their headers. */
function datagramCopy(target: Target): SetMember {
  const { types } = target;
  const a = new Assembler(types);
  const udp: Choice = { user: 'udpSent', kernel: 'kernelSent' };
  a.move(context, r1);
  emitResult(a, target, r1, context).jumpIf(r1, '!=', 0, 'out');
  emitIntArgument(a, target, amount, context, 'len').jumpIf(amount, 's<=', 0, 'out');
  emitArgument(a, target, r2, context, 'skb').loadField(socket, r2, 'sk_buff', 'sk');
  emitTask(a);
  emitArgument(a, target, r1, context, 'from');
  emitUntypedField(a, types, r2, r1, ['msghdr', 'msg_iter.iter_type']);
  emitChoose(a, types, r2, udp);
  emitOwn(a, types, 'any');
  a.jumpIf(socket, '==', 0, 'udp')
    .loadField(r1, socket, 'sock', 'sk_protocol')
    .jumpIf(r1, '==', protocol.udp, 'udp')
    .jumpIf(r1, '==', protocol.udpLite, 'udp')
    .increase(r0, taskCounter('otherSent'), amount, r1)
    .exit(0)
    .label('udp');
  emitAddChosen(a, amount, udp);
  return member(target, 'fexit', 'fn_getfrag', finish(a), false);
}

/** skb_copy_datagram_from_iter(skb, offset, from, len) -> 0: unix sockets, tun, packet sockets. */
function streamCopy(target: Target): SetMember {
  const { types } = target;
  const a = new Assembler(types);
  const unix: Choice = { user: 'unixSent', kernel: 'kernelSent' };
  a.move(context, r1);
  emitResult(a, target, r1, context).jumpIf(r1, '!=', 0, 'out');
  emitIntArgument(a, target, amount, context, 'len').jumpIf(amount, 's<=', 0, 'out');
  emitArgument(a, target, r2, context, 'skb').loadField(socket, r2, 'sk_buff', 'sk');
  emitTask(a);
  emitArgument(a, target, r1, context, 'from').loadField(r2, r1, 'iov_iter', 'iter_type');
  emitChoose(a, types, r2, unix);
  emitOwn(a, types, 'any');
  a.jumpIf(socket, '==', 0, 'other')
    .loadField(r1, socket, 'sock', '__sk_common.skc_family')
    .jumpIf(r1, '!=', AF.UNIX, 'other');
  emitAddChosen(a, amount, unix);
  a.exit(0).label('other').increase(r0, taskCounter('otherSent'), amount, r1);
  return member(target, 'fexit', 'fn_stream_copy', finish(a), false);
}

interface Sender {
  readonly name: string;
  readonly socket: 'sk' | 'sock';
  /** Netlink copies by an inlined function, all of the message. */
  readonly copies?: CauseName;
}

/** Send functions whose result is payload, and no other's. */
const senders: readonly Sender[] = [
  { name: 'udp_sendmsg', socket: 'sk' },
  { name: 'udpv6_sendmsg', socket: 'sk' },
  { name: 'unix_stream_sendmsg', socket: 'sock' },
  { name: 'unix_dgram_sendmsg', socket: 'sock' },
  { name: 'raw_sendmsg', socket: 'sk' },
  { name: 'rawv6_sendmsg', socket: 'sk' },
  { name: 'ping_v4_sendmsg', socket: 'sk', copies: 'otherSent' },
  { name: 'ping_v6_sendmsg', socket: 'sk', copies: 'otherSent' },
  { name: 'netlink_sendmsg', socket: 'sock', copies: 'otherSent' },
  { name: 'packet_sendmsg', socket: 'sock' },
];

/** A send function -> bytes taken. An IPv6 socket's send to an IPv4 address goes through both functions of UDP. */
function payload(target: Target, row: Sender, sockets: boolean): SetMember {
  const a = new Assembler(target.types);
  a.move(context, r1);
  emitSocketArgument(a, target, row.socket);
  emitResult(a, target, amount, context);
  a.jumpIf(amount, 's<=', 0, 'out');
  if (row.name === 'udp_sendmsg') {
    a.loadField(r1, socket, 'sock', '__sk_common.skc_family').jumpIf(r1, '==', AF.INET6, 'out');
  }
  const inlined = row.copies === undefined ? [] : [row.copies];
  emitCount(a, target.types, ['payloadSent', ...inlined], ['sendCalls']);
  if (sockets) emitBySocket(a, () => a.move(place, copied));
  return member(target, 'fexit', `fn_${row.name}`, finish(a), true);
}
