// The sender's side of the measured journey: the system call, the bytes taken by TCP, and the return. All of it runs in
// the sender's own context. A message is what one send gave the socket: sendfile makes one of each batch of pages.

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
  type TypeSource,
} from '../../bpf/assembler.js';
import type { SetMember } from '../../bpf/program-set.js';
import { sys } from '../../kernel/numbers.js';
import { finish } from '../../meter/accounts/account-code.js';
import { type Choice, emitBegin } from './begin.js';
import {
  at,
  emitFlowOfSocket,
  emitImage,
  emitMessage,
  emitRecord,
  emitTask,
  emitTaskName,
  messageOffset,
  messageState,
  taskFlag,
  taskOffset,
} from './program-code.js';

/** Calls whose entry is noted: those that send to or receive from a socket. */
const calls = [
  ...['read', 'write', 'readv', 'writev', 'preadv2', 'pwritev2', 'sendto', 'recvfrom', 'sendmsg', 'recvmsg'],
  ...['sendmmsg', 'recvmmsg', 'sendfile', 'splice', 'io_uring_enter'],
] as const;
export const callNumbers: Readonly<Record<string, number>> = Object.fromEntries(
  calls.map((name) => [name, (sys as unknown as Record<string, number>)[name]!]),
);

/** How a send's beginning is seen: by its tracepoint (6.14), or by the function itself. */
export type SendProbe = 'tracepoint' | 'function';

/** The programs of the sender's side. */
export function sendPrograms(types: TypeSource, choice: Choice, probe: SendProbe): SetMember[] {
  return [enterProgram(types), exitProgram(types), queuedProgram(types, choice, probe), sentProgram(types)];
}

/** raw_syscalls:sys_enter(registers, number): when the task entered a call that may send or receive. */
function enterProgram(types: TypeSource): SetMember {
  const a = new Assembler(types);
  const call = named(r6, 'call');
  a.loadArgument(call, r1, 1, 'number');
  for (const [name, number] of Object.entries(callNumbers)) a.comment(name).jumpIf(call, '==', number, 'noted');
  a.exit(0).label('noted');
  emitTask(a, 'out', true);
  a.move(r7, r0)
    .call('ktime_get_ns', {})
    .store(8, r7, taskOffset.enteredNs, r0)
    .store(4, r7, taskOffset.call, call)
    .store(4, r7, taskOffset.flags, 0);
  return { name: 'journey_enter', type: 'tp_btf', target: 'sys_enter', code: finish(a) };
}

/** raw_syscalls:sys_exit(registers, result): the end of a call in which a followed message was sent or read. */
function exitProgram(types: TypeSource): SetMember {
  const a = new Assembler(types);
  const result = named(r6, 'result');
  const task = named(r7, 'task');
  const flags = named(r8, 'flags');
  a.loadArgument(result, r1, 1, 'result');
  emitTask(a, 'out', false);
  a.move(task, r0)
    .load(4, flags, task, taskOffset.flags)
    .store(4, task, taskOffset.flags, 0)
    .store(8, task, taskOffset.enteredNs, 0)
    .jumpIf(flags, '&', taskFlag.sampledRead | taskFlag.sampledSend, 'followed')
    .exit(0)
    .label('followed');
  emitImage(a).store(8, fp, at('value'), result);
  a.jumpIf(flags, '&', taskFlag.sampledRead, 'read').jump('send').label('read');
  a.load(8, r1, task, taskOffset.reading).store(8, fp, at('journey'), r1);
  emitRecord(a, { point: 'returned' });
  a.label('send').jumpIf(flags, '&', taskFlag.sampledSend, 'sent').exit(0).label('sent');
  a.load(8, r1, task, taskOffset.sending).store(8, fp, at('journey'), r1);
  emitRecord(a, { point: 'sendReturned' });
  return { name: 'journey_exit', type: 'tp_btf', target: 'sys_exit', code: finish(a) };
}

/**
 * tcp:tcp_sendmsg_locked(sk, msg, ...) fires for each buffer filled, the first time before any byte was taken: then
 * write_seq is where the message begins, and what the iterator holds is its length. The function of that name is called
 * once, with the same arguments and the same state.
 */
function queuedProgram(types: TypeSource, choice: Choice, probe: SendProbe): SetMember {
  const a = new Assembler(types);
  const socket = named(r7, 'socket');
  const message = named(r8, 'message');
  const task = named(r9, 'task');
  a.move(r6, r1).loadArgument(socket, r6, 0, 'socket').loadArgument(message, r6, 1, 'message');
  emitTask(a, 'out', true);
  a.move(task, r0)
    .load(4, r1, task, taskOffset.flags)
    .jumpIf(r1, '&', taskFlag.considered, 'out')
    .alu('or', r1, taskFlag.considered)
    .store(4, task, taskOffset.flags, r1);
  emitImage(a);
  emitFlowOfSocket(a, socket, 'sent', 'out');
  a.castReadOnly(r0, socket, 'tcp_sock')
    .loadField(r1, r0, 'tcp_sock', 'write_seq')
    .store(4, fp, at('start'), r1)
    .loadField(r2, message, 'msghdr', 'msg_iter.count')
    .jumpIf(r2, '==', 0, 'out')
    .jumpIf(r2, '>', longestMessage, 'out')
    .store(8, fp, at('value'), r2)
    .add(r1, r2)
    .store(4, fp, at('end'), r1);
  emitBegin(a, choice, 'task', 'out');
  a.load(4, r1, task, taskOffset.flags)
    .alu('or', r1, taskFlag.sampledSend | taskFlag.sendUnderWay)
    .store(4, task, taskOffset.flags, r1)
    .load(8, r1, fp, at('journey'))
    .store(8, task, taskOffset.sending, r1);
  emitCall(a, task);
  a.loadField(r1, socket, 'sock', '__sk_common.skc_net.net')
    .loadField(r1, r1, 'net', 'ns.inum')
    .store(4, fp, at('namespace'), r1);
  emitTaskName(a);
  emitRecord(a, { point: 'queued' });
  const type = probe === 'tracepoint' ? 'tp_btf' : 'fentry';
  return { name: 'journey_queued', type, target: 'tcp_sendmsg_locked', code: finish(a) };
}

/** Sequence numbers are compared by their difference: a message must stay far below half of their circle. */
const longestMessage = 2 ** 30;

/** When the task entered its call, and which, into the image. Clobbers r1. */
export function emitCall(a: Assembler, task: Register): void {
  a.load(8, r1, task, taskOffset.enteredNs)
    .store(8, fp, at('enteredNs'), r1)
    .load(4, r1, task, taskOffset.call)
    .store(4, fp, at('call'), r1);
}

/** sock:sock_send_length(sk, result, flags): how much was taken. A message that was cut short ends earlier. */
function sentProgram(types: TypeSource): SetMember {
  const a = new Assembler(types);
  const socket = named(r6, 'socket');
  const result = named(r7, 'result');
  const flags = named(r8, 'flags');
  const task = named(r9, 'task');
  a.loadArgument(socket, r1, 0, 'socket').loadArgument(result, r1, 1, 'result').signExtend(result, 32);
  emitTask(a, 'out', false);
  a.move(task, r0)
    .load(4, flags, task, taskOffset.flags)
    .move(r1, flags)
    .and(r1, ~(taskFlag.considered | taskFlag.sendUnderWay))
    .store(4, task, taskOffset.flags, r1)
    .jumpIf(flags, '&', taskFlag.sendUnderWay, 'followed')
    .exit(0)
    .label('followed');
  emitImage(a).store(8, fp, at('value'), result);
  emitFlowOfSocket(a, socket, 'sent', 'out');
  emitMessage(a, 'leave');
  a.load(8, r1, fp, at('journey'))
    .load(8, r2, task, taskOffset.sending)
    .jumpIf(r1, '!=', r2, 'leave')
    .jumpIf(result, 's>', 0, 'taken')
    .comment('nothing was sent')
    .store(4, r0, messageOffset.state, messageState.done)
    .jump('leave')
    .label('taken')
    .load(4, r1, r0, messageOffset.start)
    .store(4, fp, at('start'), r1)
    .add(r1, result)
    .store(4, fp, at('end'), r1)
    .load(4, r2, r0, messageOffset.end)
    .alu32('sub', r2, r1)
    .jumpIf32(r2, 's<=', 0, 'leave')
    .store(4, r0, messageOffset.end, r1)
    .label('leave')
    .load(8, r1, task, taskOffset.sending)
    .store(8, fp, at('journey'), r1);
  emitRecord(a, { point: 'sent' });
  return { name: 'journey_sent', type: 'tp_btf', target: 'sock_send_length', code: finish(a) };
}
