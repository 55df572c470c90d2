// Buffers made and cloned, billed by socket: a TCP buffer is made for its socket by tcp_stream_alloc_skb and cloned at each
// transmission, the others are made by sock_alloc_send_pskb and cloned by skb_clone. Buffers of nobody's (acknowledgements,
// a driver's) are not counted.

import { Assembler, r1, r2 } from '../../bpf/assembler.js';
import type { SetMember } from '../../bpf/program-set.js';
import { finish } from '../accounts/account-code.js';
import type { CauseName } from '../accounts/causes.js';
import { amount, context } from './copies.js';
import { emitBill, emitOwnerOfSocket } from './owner.js';
import { emitArgument, emitIntArgument, emitResult, findTarget, member, type TierTypes } from './target.js';

interface BufferFunction {
  readonly name: string;
  readonly program: string;
  readonly cause: CauseName;
  /** Where the socket is: an argument, or the buffer's. */
  readonly from: 'sk' | 'skb';
  /** An argument that must not be 0. */
  readonly only?: string;
}

const bufferFunctions: readonly BufferFunction[] = [
  { name: 'tcp_stream_alloc_skb', program: 'fn_tcp_buffer', cause: 'buffersCreated', from: 'sk' },
  { name: 'sock_alloc_send_pskb', program: 'fn_buffer', cause: 'buffersCreated', from: 'sk' },
  { name: '__tcp_transmit_skb', program: 'fn_tcp_clone', cause: 'buffersCloned', from: 'sk', only: 'clone_it' },
  { name: 'skb_clone', program: 'fn_clone', cause: 'buffersCloned', from: 'skb' },
];

/** The programs that count buffers. */
export function functionBufferPrograms(types: TierTypes): SetMember[] {
  return bufferFunctions.flatMap((row) => {
    const target = findTarget(types, [row.name], [row.from, ...(row.only === undefined ? [] : [row.only])]);
    if (target === undefined) return [];
    const a = new Assembler(target.types);
    a.move(context, r1);
    if (row.only === undefined) emitResult(a, target, r1, context);
    else emitIntArgument(a, target, r1, context, row.only);
    a.jumpIf(r1, '==', 0, 'out');
    emitArgument(a, target, r2, context, row.from);
    if (row.from === 'skb') a.loadField(r2, r2, 'sk_buff', 'sk').jumpIf(r2, '==', 0, 'out');
    emitOwnerOfSocket(a, r2, 'out');
    a.move(amount, 1);
    emitBill(a, { amount, counter: row.cause });
    return [member(target, row.only === undefined ? 'fexit' : 'fentry', row.program, finish(a), true)];
  });
}
