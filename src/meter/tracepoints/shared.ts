// What the sending and receiving programs of the tracepoint tier have in common: which protocol a socket speaks,
// and what the system call was, read from the task's saved registers so that no system-call tracepoint is needed.

import type { Assembler, Register, TypeSource } from '../../bpf/assembler.js';
import { AF } from '../../kernel/constants.js';

/** task->flags (include/linux/sched.h): kernel thread; io_uring and vhost workers, whose saved registers say nothing. */
export const kernelThread = 0x0020_0000;
export const workerThread = 0x10 | 0x4000;

const protocolTcp = 6;
const protocolUdp = 17;
const protocolUdpLite = 136;

/** Offsets in struct pt_regs of what a system call left there: its number and arguments. */
export interface SavedRegisters {
  readonly number: string;
  readonly third: string;
  readonly fourth: string;
}

/** Field names of the saved registers on the machine whose types these are: x86-64 or arm64. */
export function savedRegisters(types: TypeSource): SavedRegisters {
  if (types.hasField('pt_regs', 'orig_ax')) return { number: 'orig_ax', third: 'dx', fourth: 'r10' };
  return { number: 'syscallno', third: 'regs[2]', fourth: 'regs[3]' };
}

/**
 * Jumps by the socket's family and protocol to the labels `tcp`, `udp`, `unix` or `other`, which the program must have.
 * `scratch` is clobbered.
 */
export function emitByProtocol(a: Assembler, socket: Register, scratch: Register): void {
  a.loadField(scratch, socket, 'sock', '__sk_common.skc_family')
    .jumpIf(scratch, '==', AF.INET, 'internet')
    .jumpIf(scratch, '==', AF.UNIX, 'unix')
    .jumpIf(scratch, '!=', AF.INET6, 'other')
    .label('internet')
    .loadField(scratch, socket, 'sock', 'sk_protocol')
    .jumpIf(scratch, '==', protocolTcp, 'tcp')
    .jumpIf(scratch, '==', protocolUdp, 'udp')
    .jumpIf(scratch, '==', protocolUdpLite, 'udp')
    .jump('other');
}
