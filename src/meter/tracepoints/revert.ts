// Zero-copy taken back: when a buffer with pinned pages comes up a receive path (loopback, veth), the kernel copies
// its pages before a receiver sees them (skb_orphan_frags_rx). net:netif_receive_skb fires right before that, in the
// context of whoever is running; the bytes are billed to the process that sent them.

import {
  Assembler,
  fp,
  named,
  type Register,
  r0,
  r1,
  r6,
  r7,
  r8,
  r9,
  stack,
  type TypeSource,
} from '../../bpf/assembler.js';
import type { SetMember } from '../../bpf/program-set.js';
import {
  emitKeyFrom,
  emitSharedAccount,
  emitSharedInfo,
  emitTotal,
  finish,
  stackBelowKey,
  totalsOffset,
} from '../accounts/account-code.js';
import { causeOffset } from '../accounts/causes.js';
import { emitNoteStack } from '../functions/stacks.js';

const addressAt = stackBelowKey - 8;
const contextAt = stackBelowKey - 16;

/**
 * net:netif_receive_skb(skb). The sender is found by, in this order: the buffer's socket (veth keeps it); the completion
 * record of io_uring, noted at the send; the socket of the record that MSG_ZEROCOPY keeps in the control block of a
 * buffer of its own. All three are only looked up as numbers among known senders, so a stale or foreign one finds nobody.
 * On a device with a receive handler (a bridge's port) the buffer goes on to another device and is counted there.
 * With `stacks` the kernel stack is noted too: it leads up to the copy, which comes right after.
 */
export function revertProgram(types: TypeSource, stacks = false): SetMember {
  const a = new Assembler(types);
  if (stacks) a.store(8, fp, contextAt, r1);
  const buffer = named(r6, 'buffer');
  const amount = named(r7, 'amount');
  const record = named(r8, 'record');
  const shared = named(r9, 'shared');
  a.move(r6, r1)
    .loadArgument(buffer, r6, 0, 'buffer')
    .loadField(amount, buffer, 'sk_buff', 'data_len')
    .jumpIf(amount, '==', 0, 'out');
  emitSharedInfo(a, shared, buffer);
  a.loadField(r1, shared, 'skb_shared_info', 'flags')
    .and(r1, types.enumValue('SKBFL_ZEROCOPY_ENABLE') ?? 1)
    .jumpIf(r1, '==', 0, 'out')
    .loadField(r1, buffer, 'sk_buff', 'dev')
    .loadField(r1, r1, 'net_device', 'rx_handler')
    .jumpIf(r1, '!=', 0, 'out')
    .loadField(record, shared, 'skb_shared_info', 'destructor_arg')
    .comment('the low two bits were flags before 6.0')
    .and(record, -4)
    .loadField(r1, buffer, 'sk_buff', 'sk');
  emitFind(a, r1);
  emitFind(a, record);
  a.jumpIf(record, '==', 0, 'unattributed')
    .sub(record, types.field('sk_buff', 'cb').offset)
    .castReadOnly(r1, record, 'sk_buff')
    .loadField(r1, r1, 'sk_buff', 'sk');
  emitFind(a, r1);
  a.label('unattributed');
  emitTotal(a, totalsOffset.unattributed, amount);
  emitTotal(a, totalsOffset.unattributedEvents, 1);
  a.exit(0).label('found');
  emitKeyFrom(a, r0);
  emitSharedAccount(a, amount, 'out');
  a.atomic('add', 8, r0, causeOffset('reverted'), amount).move(r1, 1).atomic('add', 8, r0, causeOffset('reverts'), r1);
  if (stacks) emitNoteStack(a.load(8, record, fp, contextAt), record, 'reverted', amount);
  return { name: 'meter_revert', type: 'tp_btf', target: 'netif_receive_skb', code: finish(a) };
}

/** Goes to `found`, with the sender's key at r0, where the address is a known sender's. */
function emitFind(a: Assembler, address: Register): void {
  a.store(8, fp, addressAt, address)
    .call('map_lookup_elem', { map: { map: 'meter_senders' }, key: stack(addressAt) })
    .jumpIf(r0, '!=', 0, 'found');
}
