// Fields behind pointers without a type: `skb->head + skb->end` is the buffer's skb_shared_info, a packet's headers lie
// somewhere behind `skb->head`. Newer kernels let a program say the type (bpf_rdonly_cast, 6.2), and such reads work under
// lockdown too; older ones need bpf_probe_read_kernel.

import { type Assembler, fp, type Register, r0, r1, r2, r3, stack, type TypeSource } from '../../bpf/assembler.js';
import type { AccessSize } from '../../bpf/instructions.js';
import { stackBelowKey } from '../accounts/account-code.js';

/** Where reads land on kernels without casts; programs keep their own variables below {@link stackBelowUntyped}. */
const readAt = stackBelowKey - 8;
export const stackBelowUntyped = readAt;

/**
 * `destination = ((struct NAME *) address)->path`. Not for signed fields. Clobbers r0..r5.
 * @param address a register other than r0.
 */
export function emitUntypedField(
  a: Assembler,
  types: TypeSource,
  destination: Register,
  address: Register,
  [structName, path]: readonly [string, string],
): Assembler {
  if (types.functionId('bpf_rdonly_cast') !== undefined) {
    a.castReadOnly(r0, address, structName);
    return a.loadField(destination, r0, structName, path);
  }
  const field = types.field(structName, path);
  if (address.number !== 3) a.move(r3, address);
  a.comment(`${structName}.${path}`)
    .add(r3, field.offset)
    .store(8, fp, readAt, 0)
    .call('probe_read_kernel', { to: stack(readAt), size: field.size, from: r3 })
    .load(field.size as AccessSize, destination, fp, readAt);
  if (field.bitSize !== 0) {
    a.alu('lsh', destination, 64 - field.bitShift - field.bitSize).alu('rsh', destination, 64 - field.bitSize);
  }
  return a;
}

/** `destination = skb->head + skb->end`, the address of the buffer's skb_shared_info. Clobbers `scratch`. */
export function emitSharedInfoAddress(
  a: Assembler,
  destination: Register,
  buffer: Register,
  scratch: Register = r2,
): Assembler {
  return a
    .loadField(destination, buffer, 'sk_buff', 'head')
    .loadField(scratch, buffer, 'sk_buff', 'end')
    .add(destination, scratch);
}

/** `destination = skb_shinfo(buffer)->path`. Clobbers r0..r5. */
export function emitSharedInfoField(
  a: Assembler,
  types: TypeSource,
  destination: Register,
  buffer: Register,
  path: string,
): Assembler {
  emitSharedInfoAddress(a, r1, buffer);
  return emitUntypedField(a, types, destination, r1, ['skb_shared_info', path]);
}
