// The receiver's side of the measured journey: TCP, the wake-up, the copy and the return. The key is the receiver's own
// socket and its sequence numbers: buffers are merged in the queue, one copy may cover many packets.

import { Assembler, fp, named, r0, r1, r2, r6, r7, r8, r9, type TypeSource } from '../../bpf/assembler.js';
import type { SetMember } from '../../bpf/program-set.js';
import { MSG } from '../../kernel/constants.js';
import { finish } from '../../meter/accounts/account-code.js';
import type { Choice } from './begin.js';
import {
  at,
  cpuOffset,
  emitBefore,
  emitCpu,
  emitFlowOfSocket,
  emitIfMember,
  emitImage,
  emitMessage,
  emitMessageInRange,
  emitRangeOfControlBlock,
  emitRecord,
  emitTask,
  emitTaskName,
  messageOffset,
  messageState,
  stackBelowImage,
  taskFlag,
  taskOffset,
} from './program-code.js';
import { emitCall } from './send-programs.js';

/** The programs of the receiver's side, and of what comes back to the sender. */
export function receivePrograms(types: TypeSource, choice: Choice): SetMember[] {
  return [
    tcpProgram(types, choice),
    { ...retransmitProgram(types), optional: true },
    readyProgram(types),
    wakingProgram(types),
    wakeupProgram(types),
    runningProgram(types),
    copyProgram(types),
    receivedProgram(types, choice),
  ];
}

const socket = named(r6, 'socket');
const buffer = named(r7, 'buffer');

/** tcp:tcp_probe(sk, skb): TCP processes a segment of an established connection; it also carries an acknowledgement. */
function tcpProgram(types: TypeSource, { members }: Choice): SetMember {
  const a = new Assembler(types);
  a.loadArgument(socket, r1, 0, 'socket').loadArgument(buffer, r1, 1, 'buffer');
  emitCpu(a, 'out');
  a.comment('whoever was to be woken on this CPU was not').store(8, r0, cpuOffset.wakesFor, 0);
  emitImage(a);
  emitFlowOfSocket(a, socket, 'received', 'out');
  emitRangeOfControlBlock(a, types, buffer);
  a.loadField(r8, r0, 'tcp_skb_cb', 'ack_seq');
  emitMessageInRange(a, 'acknowledges');
  a.store(8, fp, at('buffer'), buffer);
  emitRecord(a, { point: 'tcpReceive' });
  a.label('acknowledges');
  emitFlowOfSocket(a, socket, 'sent', 'out');
  emitMessage(a, 'out');
  a.move(r9, r0)
    .load(4, r1, r9, messageOffset.state)
    .jumpIf(r1, '!=', messageState.underWay, 'out')
    .load(4, r1, r9, messageOffset.local + 4)
    .comment('said already')
    .jumpIf(r1, '!=', 0, 'out')
    .load(4, r2, r9, messageOffset.end)
    .move(r1, r8)
    .alu32('sub', r1, r2)
    .jumpIf32(r1, 's<', 0, 'out')
    .store(4, r9, messageOffset.local + 4, 1)
    .store(4, fp, at('end'), r2)
    .load(4, r1, r9, messageOffset.start)
    .store(4, fp, at('start'), r1)
    .load(4, r1, r9, messageOffset.local)
    .jumpIf(r1, '!=', 0, 'leave')
    .comment('the reader is elsewhere: this is the end')
    .store(4, r9, messageOffset.state, members === true ? messageState.foreign : messageState.done)
    .label('leave');
  emitRecord(a, { point: 'acknowledged' });
  return { name: 'journey_tcp', type: 'tp_btf', target: 'tcp_probe', code: finish(a) };
}

/** tcp:tcp_retransmit_skb(sk, skb, ...). */
function retransmitProgram(types: TypeSource): SetMember {
  const a = new Assembler(types);
  a.loadArgument(socket, r1, 0, 'socket').loadArgument(buffer, r1, 1, 'buffer');
  emitImage(a);
  emitFlowOfSocket(a, socket, 'sent', 'out');
  emitRangeOfControlBlock(a, types, buffer);
  emitMessageInRange(a, 'out');
  emitRecord(a, { point: 'retransmitted' });
  return { name: 'journey_again', type: 'tp_btf', target: 'tcp_retransmit_skb', code: finish(a) };
}

/** sock:sk_data_ready(sk): left once for each advance of what can be read, until the whole message can. */
function readyProgram(types: TypeSource): SetMember {
  const a = new Assembler(types);
  a.loadArgument(socket, r1, 0, 'socket');
  emitImage(a);
  emitFlowOfSocket(a, socket, 'received', 'out');
  a.castReadOnly(r0, socket, 'tcp_sock').loadField(r1, r0, 'tcp_sock', 'rcv_nxt').store(4, fp, at('end'), r1);
  emitMessage(a, 'out');
  a.load(4, r1, r0, messageOffset.state).jumpIf(r1, '!=', messageState.underWay, 'out');
  emitBefore(a, { stack: at('end') }, messageOffset.ready, 'out');
  a.load(4, r1, r0, messageOffset.end)
    .load(4, r2, r0, messageOffset.ready)
    .alu32('sub', r1, r2)
    .jumpIf32(r1, 's<=', 0, 'out')
    .load(4, r1, fp, at('end'))
    .store(4, r0, messageOffset.ready, r1)
    .load(4, r1, r0, messageOffset.start)
    .store(4, fp, at('start'), r1);
  emitRecord(a, { point: 'ready' });
  emitCpu(a, 'out');
  a.load(8, r1, fp, at('journey')).store(8, r0, cpuOffset.wakesFor, r1);
  return { name: 'journey_ready', type: 'tp_btf', target: 'sk_data_ready', code: finish(a) };
}

const task = named(r6, 'task');
const journey = named(r7, 'journey');
const kept = named(r8, 'kept');

/** The woken task as the record's value: thread in the low half, process in the high one. Clobbers r1. */
function emitWoken(a: Assembler): void {
  a.loadField(r1, task, 'task_struct', 'pid').store(4, fp, at('value'), r1);
  a.loadField(r1, task, 'task_struct', 'tgid').store(4, fp, at('value') + 4, r1);
}

/**
 * sched:sched_waking(task): the first one on this CPU after a socket said that it can be read. An interrupt may wake
 * another task in between: whoever reads the records asks whether the woken one is the reader.
 */
function wakingProgram(types: TypeSource): SetMember {
  const a = new Assembler(types);
  a.loadArgument(task, r1, 0, 'task');
  emitCpu(a, 'out');
  a.load(8, journey, r0, cpuOffset.wakesFor).jumpIf(journey, '==', 0, 'out').store(8, r0, cpuOffset.wakesFor, 0);
  emitImage(a).store(8, fp, at('journey'), journey);
  emitWoken(a);
  emitRecord(a, { point: 'waking' });
  a.call('task_storage_get', { map: { map: 'journey_tasks' }, task, value: 0, flags: 1 })
    .jumpIf(r0, '==', 0, 'out')
    .store(8, r0, taskOffset.wokenFor, journey);
  return { name: 'journey_waking', type: 'tp_btf', target: 'sched_waking', code: finish(a) };
}

/** sched:sched_wakeup(task): it stands on a run queue. */
function wakeupProgram(types: TypeSource): SetMember {
  const a = new Assembler(types);
  a.loadArgument(task, r1, 0, 'task');
  emitWokenFor(a);
  emitRecord(a, { point: 'wakeup' });
  return { name: 'journey_wakeup', type: 'tp_btf', target: 'sched_wakeup', code: finish(a) };
}

/** sched:sched_switch(preempted, previous, next, state): it runs. */
function runningProgram(types: TypeSource): SetMember {
  const a = new Assembler(types);
  a.loadArgument(task, r1, 2, 'next');
  emitWokenFor(a);
  a.store(8, kept, taskOffset.wokenFor, 0);
  emitRecord(a, { point: 'running' });
  return { name: 'journey_running', type: 'tp_btf', target: 'sched_switch', code: finish(a) };
}

/** Goes to `out` unless the task is woken for a message; then the image names both. */
function emitWokenFor(a: Assembler): void {
  a.call('task_storage_get', { map: { map: 'journey_tasks' }, task, value: 0, flags: 0 })
    .jumpIf(r0, '==', 0, 'out')
    .move(kept, r0)
    .load(8, journey, kept, taskOffset.wokenFor)
    .jumpIf(journey, '==', 0, 'out');
  emitImage(a).store(8, fp, at('journey'), journey);
  emitWoken(a);
}

/**
 * skb:skb_copy_datagram_iovec(skb, length): the copy begins. copied_seq is where the reader stands; TCP moves it on after
 * each buffer. A peek does not move it: the end of the receive says that it was one.
 */
function copyProgram(types: TypeSource): SetMember {
  const a = new Assembler(types);
  const last = named(r8, 'last');
  a.loadArgument(buffer, r1, 0, 'buffer')
    .loadArgument(r9, r1, 1, 'length')
    .signExtend(r9, 32)
    .jumpIf(r9, 's<=', 0, 'out')
    .loadField(socket, buffer, 'sk_buff', 'sk')
    .jumpIf(socket, '==', 0, 'out');
  emitImage(a);
  emitFlowOfSocket(a, socket, 'received', 'out');
  a.castReadOnly(r0, socket, 'tcp_sock')
    .loadField(r1, r0, 'tcp_sock', 'copied_seq')
    .store(4, fp, at('start'), r1)
    .add(r1, r9)
    .store(4, fp, at('end'), r1)
    .store(8, fp, at('value'), r9);
  emitMessageInRange(a, 'out');
  a.move(last, 0)
    .load(4, r1, fp, at('end'))
    .load(4, r2, r0, messageOffset.end)
    .alu32('sub', r1, r2)
    .jumpIf32(r1, 's<', 0, 'more')
    .move(last, taskFlag.readLast)
    .label('more')
    .alu('or', last, taskFlag.sampledRead);
  emitTask(a, 'leave', true);
  a.move(r9, r0)
    .load(4, r1, r9, taskOffset.flags)
    .alu('or', r1, last)
    .store(4, r9, taskOffset.flags, r1)
    .load(8, r1, fp, at('journey'))
    .store(8, r9, taskOffset.reading, r1)
    .store(8, r9, taskOffset.wokenFor, 0);
  emitCall(a, r9);
  emitTaskName(a);
  a.label('leave').store(8, fp, at('buffer'), buffer);
  emitRecord(a, { point: 'copy' });
  return { name: 'journey_copy', type: 'tp_btf', target: 'skb_copy_datagram_iovec', code: finish(a) };
}

/** sock:sock_recv_length(sk, result, flags): a receive ends; with the last byte, and unless it was a peek, the message too. */
function receivedProgram(types: TypeSource, { members }: Choice): SetMember {
  const a = new Assembler(types);
  const flags = named(r8, 'flags');
  const reader = named(r9, 'reader');
  a.loadArgument(socket, r1, 0, 'socket')
    .loadArgument(r7, r1, 1, 'result')
    .signExtend(r7, 32)
    .loadArgument(flags, r1, 2, 'flags');
  emitTask(a, 'out', false);
  a.move(reader, r0)
    .load(4, r1, reader, taskOffset.flags)
    .jumpIf(r1, '&', taskFlag.sampledRead, 'followed')
    .exit(0)
    .label('followed');
  emitImage(a).store(8, fp, at('value'), r7).store(4, fp, at('call'), flags);
  emitFlowOfSocket(a, socket, 'received', 'out');
  a.load(4, r1, reader, taskOffset.flags)
    .move(r2, r1)
    .and(r2, ~taskFlag.readLast)
    .store(4, reader, taskOffset.flags, r2)
    .and(r1, taskFlag.readLast)
    .jumpIf(r1, '==', 0, 'leave')
    .jumpIf(flags, '&', MSG.PEEK, 'leave');
  emitMessage(a, 'leave');
  a.load(8, r1, fp, at('journey'))
    .load(8, r2, reader, taskOffset.reading)
    .jumpIf(r1, '!=', r2, 'leave')
    .store(4, r0, messageOffset.state, messageState.done);
  if (members === true) {
    a.move(flags, r0);
    emitIfMember(a, stackBelowImage - 8, 'leave');
    a.store(4, flags, messageOffset.state, messageState.foreign);
  }
  a.label('leave').load(8, r1, reader, taskOffset.reading).store(8, fp, at('journey'), r1);
  emitRecord(a, { point: 'received' });
  return { name: 'journey_received', type: 'tp_btf', target: 'sock_recv_length', code: finish(a) };
}
