// Sockets and who uses them, from their making on: a socket belongs to the task that made it until another uses it. Sockets
// made before the meter started are found once, through every task's open files (an iterator).

import { Assembler, fp, named, r0, r1, r3, r6, r7, r8, r9, type TypeSource } from '../../bpf/assembler.js';
import { attachIterator, readIterator } from '../../bpf/link.js';
import type { BpfMap } from '../../bpf/map.js';
import { BpfProgram, type ProgramSource } from '../../bpf/program.js';
import type { SetMember } from '../../bpf/program-set.js';
import { AF } from '../../kernel/constants.js';
import { finish, keyOffset, taskOffset } from '../accounts/account-code.js';
import { amount, context, emitOwn, emitTask, socket } from './own.js';
import { emitNoteAddress, emitNoteFlow, emitOwnerOfSocket, ownerKeyAt, stackBelowOwner } from './owner.js';
import { emitArgument, emitIntArgument, emitResult, findTarget, member, type TierTypes } from './target.js';

const tcpEstablished = 1;
const packetFamily = 17;

/** The programs that keep sockets' users known. */
export function functionSocketPrograms(types: TierTypes): SetMember[] {
  return [...createProgram(types), ...acceptPrograms(types), establishProgram(types.kernel)];
}

/** security_socket_post_create(sock, family, type, protocol, kern), in the name of the task that makes it. */
function createProgram(types: TierTypes): SetMember[] {
  const target = findTarget(types, ['security_socket_post_create'], ['sock', 'family', 'kern']);
  if (target === undefined) return [];
  const a = new Assembler(target.types);
  a.move(context, r1).move(amount, 0);
  emitIntArgument(a, target, r1, context, 'kern').jumpIf(r1, '!=', 0, 'out');
  emitResult(a, target, r1, context).jumpIf(r1, '!=', 0, 'out');
  emitArgument(a, target, socket, context, 'sock')
    .loadField(socket, socket, 'socket', 'sk')
    .jumpIf(socket, '==', 0, 'out');
  emitTask(a);
  emitOwn(a, target.types, 'user');
  emitIntArgument(a, target, r1, context, 'family').jumpIf(r1, '!=', packetFamily, 'out');
  a.add(r0, taskOffset.key).move(r3, r0);
  emitNoteAddress(a, socket, r3);
  return [member(target, 'fexit', 'fn_new_socket', finish(a), true)];
}

/** inet_csk_accept(sk, ...) -> socket: the listener and what it gives belong to the task that accepts, from its waiting on. */
function acceptPrograms(types: TierTypes): SetMember[] {
  const target = findTarget(types, ['inet_csk_accept'], ['sk']);
  if (target === undefined) return [];
  const noteUser = (type: 'fentry' | 'fexit', name: string, from: (a: Assembler) => Assembler): SetMember => {
    const a = new Assembler(target.types);
    a.move(context, r1).move(amount, 0);
    from(a).jumpIf(socket, '==', 0, 'out');
    emitTask(a);
    emitOwn(a, target.types, 'user');
    return member(target, type, name, finish(a), true);
  };
  return [
    noteUser('fentry', 'fn_in_accept', (a) => emitArgument(a, target, socket, context, 'sk')),
    noteUser('fexit', 'fn_accept', (a) => emitResult(a, target, socket, context)),
  ];
}

/** sock:inet_sock_set_state(sk, old, new): a connection is there, and with it its flow; its user is its listener's. */
function establishProgram(types: TypeSource): SetMember {
  const a = new Assembler(types);
  a.move(context, r1)
    .loadArgument(r1, context, 2, 'new state')
    .jumpIf32(r1, '!=', tcpEstablished, 'out')
    .loadArgument(socket, context, 0, 'socket');
  emitOwnerOfSocket(a, socket, 'out');
  emitNoteFlow(a, types, socket);
  return { name: 'fn_established', type: 'tp_btf', target: 'inet_sock_set_state', code: finish(a), optional: true };
}

const keyAt = stackBelowOwner - 24;

/** Iterator over every open file: notes each socket's first holder. Writes nothing. */
function seedProgram(types: TypeSource): ProgramSource {
  const a = new Assembler(types);
  const task = named(r7, 'task');
  const held = named(r8, 'held');
  const storage = named(r9, 'storage');
  const offset = (name: string) => types.field('bpf_iter__task_file', name).offset;
  const put = (size: 4 | 8, at: number) => a.store(size, fp, keyAt + at, r1);
  a.move(r6, r1)
    .load(8, task, r6, offset('task'))
    .load(8, r1, r6, offset('file'))
    .jumpIf(task, '==', 0, 'out')
    .jumpIf(r1, '==', 0, 'out')
    .call('sock_from_file', { file: r1 })
    .jumpIf(r0, '==', 0, 'out')
    .loadField(held, r0, 'socket', 'sk')
    .jumpIf(held, '==', 0, 'out')
    .call('sk_storage_get', { map: { map: 'meter_owners' }, socket: held, value: 0, flags: 1 })
    .jumpIf(r0, '==', 0, 'out')
    .load(8, r1, r0, keyOffset.start)
    .jumpIf(r1, '!=', 0, 'out')
    .move(storage, r0)
    .loadField(r1, task, 'task_struct', 'tgid');
  put(4, keyOffset.process);
  a.loadField(r1, held, 'sock', '__sk_common.skc_net.net').loadField(r1, r1, 'net', 'ns.inum');
  put(4, keyOffset.netns);
  a.loadField(r1, task, 'task_struct', 'group_leader').loadField(r1, r1, 'task_struct', 'start_boottime');
  put(8, keyOffset.start);
  a.loadField(r1, task, 'task_struct', 'cgroups')
    .loadField(r1, r1, 'css_set', 'dfl_cgrp')
    .loadField(r1, r1, 'cgroup', 'kn')
    .loadField(r1, r1, 'kernfs_node', 'id');
  put(8, keyOffset.cgroup);
  for (let at = 0; at < 24; at += 8) {
    a.load(8, r1, fp, keyAt + at)
      .store(8, storage, at, r1)
      .store(8, fp, ownerKeyAt + at, r1);
  }
  a.loadField(r1, held, 'sock', '__sk_common.skc_family')
    .jumpIf(r1, '==', packetFamily, 'packet')
    .jumpIf(r1, '==', AF.INET, 'internet')
    .jumpIf(r1, '!=', AF.INET6, 'out')
    .label('internet');
  emitNoteFlow(a, types, held);
  a.exit(0).label('packet').move(r3, storage);
  emitNoteAddress(a, held, r3);
  return { name: 'fn_seed', type: 'iter', target: 'task_file', code: finish(a) };
}

/** Notes who holds the sockets that are there already. @throws RefusedError */
export function seedSockets(types: TypeSource, maps: Readonly<Record<string, BpfMap>>): void {
  const program = BpfProgram.load(seedProgram(types), maps);
  try {
    const link = attachIterator(program);
    try {
      readIterator(link);
    } finally {
      link.detach();
    }
  } finally {
    program.close();
  }
}
