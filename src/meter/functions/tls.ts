// kTLS in software: what the protocol above TCP takes from the user, copied or by reference, and the bytes that it encrypts
// or decrypts (a pass over them, but no copy: told apart as `transformed`). The records it then hands to TCP are its own
// pages and count neither as payload nor as spliced (send.ts). The payload needs the module's types: a module
// that is loaded after the meter started is not seen.

import { Assembler, r0, r1, r2, type TypeSource } from '../../bpf/assembler.js';
import type { SetMember } from '../../bpf/program-set.js';
import { MSG } from '../../kernel/constants.js';
import { finish, taskCounter } from '../accounts/account-code.js';
import {
  amount,
  type Choice,
  context,
  emitAddChosen,
  emitChoose,
  emitCount,
  emitOwn,
  emitTask,
  socket,
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

const module = 'tls';
const msgSplicePages = 0x0800_0000;

/** The programs for kTLS (and for sockmap's sends, which use the same copies). */
export function functionTlsPrograms(types: TierTypes): SetMember[] {
  const programs: SetMember[] = [];
  const add = (name: string, parameters: readonly string[], make: (target: Target) => SetMember, where?: string) => {
    const target = findTarget(types, [name], parameters, where);
    if (target !== undefined) programs.push(make(target));
  };
  add('sk_msg_memcopy_from_iter', ['sk', 'from', 'bytes'], takeByCopy);
  add('sk_msg_zerocopy_from_iter', ['sk', 'from', 'bytes'], takeByReference);
  add('tls_sw_sendmsg', ['sk', 'msg'], sendRecord, module);
  add('tls_sw_sendpage', ['sk'], sendPages, module);
  add('tls_sw_recvmsg', ['sk', 'flags'], receiveRecord, module);
  return programs;
}

/** sk_msg_memcopy_from_iter(sk, from, msg, bytes) -> not negative: bytes copied. */
function takeByCopy(target: Target): SetMember {
  const { types } = target;
  const a = new Assembler(types);
  const choice: Choice = { user: 'tcpSent', kernel: 'kernelSent' };
  a.move(context, r1);
  emitResult(a, target, r1, context).jumpIf(r1, 's<', 0, 'out');
  emitIntArgument(a, target, amount, context, 'bytes').jumpIf(amount, 's<=', 0, 'out');
  emitArgument(a, target, socket, context, 'sk');
  emitTask(a);
  emitArgument(a, target, r1, context, 'from').loadField(r2, r1, 'iov_iter', 'iter_type');
  emitChoose(a, types, r2, choice);
  emitOwn(a, types, 'user');
  emitAddChosen(a, amount, choice);
  return member(target, 'fexit', 'fn_message_copy', finish(a), true);
}

/** sk_msg_zerocopy_from_iter(sk, from, msg, bytes) -> 0: the user's pages, to be encrypted from where they are. */
function takeByReference(target: Target): SetMember {
  const a = new Assembler(target.types);
  a.move(context, r1);
  emitResult(a, target, r1, context).jumpIf(r1, '!=', 0, 'out');
  emitIntArgument(a, target, amount, context, 'bytes').jumpIf(amount, 's<=', 0, 'out');
  emitArgument(a, target, socket, context, 'sk');
  emitCount(a, target.types, ['pinned'], []);
  return member(target, 'fexit', 'fn_message_pin', finish(a), true);
}

/** tls_sw_sendmsg(sk, msg, size) -> bytes taken; since 6.5 also by reference from sendfile and splice. */
function sendRecord(target: Target): SetMember {
  const { types } = target;
  const a = new Assembler(types);
  a.move(context, r1);
  emitArgument(a, target, socket, context, 'sk');
  emitResult(a, target, amount, context).jumpIf(amount, 's<=', 0, 'out');
  emitCount(a, types, ['payloadSent', 'transformed'], ['sendCalls'], 'any');
  if (isSplicing(types)) {
    emitArgument(a, target, r2, context, 'msg')
      .loadField(r2, r2, 'msghdr', 'msg_flags')
      .and(r2, msgSplicePages)
      .jumpIf(r2, '==', 0, 'out')
      .increase(r0, taskCounter('spliced'), amount, r1);
  }
  return member(target, 'fexit', 'fn_tls_send', finish(a), true);
}

function isSplicing(types: TypeSource): boolean {
  return types.prototype('skb_splice_from_iter') !== undefined;
}

/** tls_sw_sendpage(sk, page, ...) -> bytes by reference, before 6.5. */
function sendPages(target: Target): SetMember {
  const a = new Assembler(target.types);
  a.move(context, r1);
  emitArgument(a, target, socket, context, 'sk');
  emitResult(a, target, amount, context).jumpIf(amount, 's<=', 0, 'out');
  emitCount(a, target.types, ['payloadSent', 'transformed', 'spliced'], ['sendCalls'], 'any');
  return member(target, 'fexit', 'fn_tls_pages', finish(a), true);
}

/** tls_sw_recvmsg(sk, msg, len, flags) -> bytes given, decrypted into the user's memory or copied there. */
function receiveRecord(target: Target): SetMember {
  const a = new Assembler(target.types);
  a.move(context, r1);
  emitArgument(a, target, socket, context, 'sk');
  emitResult(a, target, amount, context).jumpIf(amount, 's<=', 0, 'out');
  emitIntArgument(a, target, r1, context, 'flags').jumpIf(r1, '&', MSG.PEEK | MSG.ERRQUEUE, 'out');
  emitCount(a, target.types, ['payloadReceived', 'transformed'], ['receiveCalls'], 'any');
  return member(target, 'fexit', 'fn_tls_receive', finish(a), true);
}
