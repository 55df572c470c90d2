// The functions around copies, which give them their causes: entered and left, each with the buffer it is about. They copy
// nothing themselves that a primitive (copies.ts) would not count, but for the headers that segmentation writes.

import { Assembler, fp, r0, r1, r2, r3 } from '../../bpf/assembler.js';
import type { SetMember } from '../../bpf/program-set.js';
import { finish, keyBytes, keyOffset } from '../accounts/account-code.js';
import { type CauseName, causeOffset } from '../accounts/causes.js';
import { emitEnter, emitLeave, emitPassOn, entryOffset } from './context.js';
import { amount, buffer, context } from './copies.js';
import { emitBill, emitByAddress, emitOwnerOfBuffer, emitOwnerOfSocket, ownerKeyAt } from './owner.js';
import { emitNoteStack } from './stacks.js';
import { emitArgument, emitResult, findTarget, member, type Target, type TierTypes } from './target.js';

/** The programs that give causes. */
export function functionCausePrograms(types: TierTypes): SetMember[] {
  const programs: SetMember[] = [];
  const add = (
    names: readonly string[],
    parameters: readonly string[],
    make: (target: Target) => SetMember[],
    module?: string,
  ): void => {
    const target = findTarget(types, names, parameters, module);
    if (target !== undefined) programs.push(...make(target));
  };
  add(['__pskb_pull_tail'], ['skb', 'delta'], (target) => [enterPull(target), leavePull(target)]);
  add(['skb_segment'], ['head_skb'], (target) => [enterSegment(target), leaveSegment(target)]);
  add(['tpacket_rcv'], ['skb', 'pt'], (target) => [enterCapture(target), leave(target, 'captured', 'skb')]);
  const xdp = (target: Target) => [enterAny(target, 'xdpCopied'), leave(target, 'xdpCopied')];
  add(['skb_pp_cow_data'], [], xdp);
  // Before there was such a function, veth did this itself, in a function that is inlined into this one.
  if (types.kernel.prototype('skb_pp_cow_data') === undefined) add(['veth_xdp_rcv_skb'], [], xdp, 'veth');
  add(['tcp_try_coalesce'], ['sk', 'from'], (target) => [
    enterOfSocket(target, 'coalesced', 'from'),
    leave(target, 'coalesced', 'from'),
  ]);
  add(['tcp_collapse'], ['sk'], (target) => [enterOfSocket(target, 'coalesced'), leave(target, 'coalesced')]);
  add(['skb_copy_ubufs'], ['skb'], (target) => [enterRevert(target)]);
  return programs;
}

const shortNames: Readonly<Record<string, string>> = {
  __pskb_pull_tail: 'pull',
  skb_segment: 'segment',
  tpacket_rcv: 'tpacket',
  skb_pp_cow_data: 'xdp',
  veth_xdp_rcv_skb: 'veth_xdp',
  tcp_try_coalesce: 'coalesce',
  tcp_collapse: 'collapse',
  skb_copy_ubufs: 'revert',
};

function enterProgram(target: Target, a: Assembler): SetMember {
  return member(target, 'fentry', `fn_in_${shortNames[target.name]}`, finish(a), true);
}

function leaveProgram(target: Target, a: Assembler): SetMember {
  return member(target, 'fexit', `fn_${shortNames[target.name]}`, finish(a), true);
}

/** __pskb_pull_tail(skb, delta): the owner is asked at the copy; a segment under way is its original's owner's. */
function enterPull(target: Target): SetMember {
  const a = new Assembler(target.types);
  a.move(context, r1);
  emitArgument(a, target, buffer, context, 'skb');
  emitEnter(a, { buffer, counter: causeOffset('linearised'), within: causeOffset('segmented') });
  return enterProgram(target, a);
}

/** skb_segment(head_skb, features). */
function enterSegment(target: Target): SetMember {
  const a = new Assembler(target.types);
  a.move(context, r1);
  emitArgument(a, target, buffer, context, 'head_skb');
  emitOwnerOfBuffer(a, target.types, buffer, 'as-marked');
  emitEnter(a, { buffer, counter: causeOffset('segmented'), keyAt: ownerKeyAt });
  return enterProgram(target, a);
}

/** Entered for whatever buffer is copied within: where the argument is a pointer to a pointer. */
function enterAny(target: Target, cause: CauseName): SetMember {
  const a = new Assembler(target.types);
  emitEnter(a, { buffer: 0, counter: causeOffset(cause) });
  return enterProgram(target, a);
}

/** Entered for a socket, which is billed. */
function enterOfSocket(target: Target, cause: CauseName, parameter?: string): SetMember {
  const a = new Assembler(target.types);
  const counter = causeOffset(cause);
  a.move(context, r1);
  if (parameter !== undefined) emitArgument(a, target, buffer, context, parameter);
  emitArgument(a, target, r2, context, 'sk');
  emitOwnerOfSocket(a, r2, 'nobody');
  emitEnter(a, { buffer: parameter === undefined ? 0 : buffer, counter, keyAt: ownerKeyAt });
  a.exit(0).label('nobody');
  emitEnter(a, { buffer: parameter === undefined ? 0 : buffer, counter });
  return enterProgram(target, a);
}

/** Left without more. */
function leave(target: Target, cause: CauseName, parameter?: string): SetMember {
  const a = new Assembler(target.types);
  a.move(context, r1);
  if (parameter !== undefined) emitArgument(a, target, buffer, context, parameter);
  emitLeave(a, { buffer: parameter === undefined ? 0 : buffer, counter: causeOffset(cause) });
  return leaveProgram(target, a);
}

/** __pskb_pull_tail(skb, delta): after it, the buffer may be in one piece. */
function leavePull(target: Target): SetMember {
  const { types } = target;
  const a = new Assembler(types);
  a.move(context, r1);
  emitArgument(a, target, buffer, context, 'skb');
  emitLeave(a, { buffer, counter: causeOffset('linearised') });
  emitSaveKey(a);
  a.load(8, amount, r0, entryOffset.copied).jumpIf(amount, '==', 0, 'out');
  emitPassOn(a, amount, causeOffset('segmented'));
  a.load(8, r1, fp, ownerKeyAt + keyOffset.start).jumpIf(r1, '!=', 0, 'owned');
  emitOwnerOfBuffer(a, types, buffer, 'as-marked');
  a.label('owned');
  emitNoteStack(a, context, 'linearised', amount);
  a.loadField(r1, buffer, 'sk_buff', 'data_len').jumpIf(r1, '!=', 0, 'out').move(amount, 1);
  emitBill(a, { amount, counter: 'buffersLinearised' });
  return leaveProgram(target, a);
}

/** Puts the key of the entry in r0 to `ownerKeyAt`. Clobbers r1. */
function emitSaveKey(a: Assembler): void {
  for (let offset = 0; offset < keyBytes; offset += 8) {
    a.load(8, r1, r0, entryOffset.key + offset).store(8, fp, ownerKeyAt + offset, r1);
  }
}

/** tpacket_rcv(skb, dev, pt, orig_dev): copies into a capture's ring are billed to the one that captures. */
function enterCapture(target: Target): SetMember {
  const a = new Assembler(target.types);
  const counter = causeOffset('captured');
  a.move(context, r1);
  emitArgument(a, target, buffer, context, 'skb');
  emitArgument(a, target, r1, context, 'pt').loadField(r1, r1, 'packet_type', 'af_packet_priv');
  emitByAddress(a, r1, 'owned');
  emitEnter(a, { buffer, counter });
  a.exit(0).label('owned');
  emitEnter(a, { buffer, counter, keyAt: ownerKeyAt });
  return enterProgram(target, a);
}

/** skb_copy_ubufs(skb): finds the sender while the record of the pinned pages is still there. */
function enterRevert(target: Target): SetMember {
  const a = new Assembler(target.types);
  a.move(context, r1);
  emitArgument(a, target, buffer, context, 'skb');
  emitOwnerOfBuffer(a, target.types, buffer, 'out');
  emitEnter(a, { buffer, counter: causeOffset('reverted'), keyAt: ownerKeyAt });
  return enterProgram(target, a);
}

/** Segments that one buffer can become: BIG TCP's 512 KiB at 1,000 bytes, rounded up. */
const segmentsMost = 600;

/**
 * skb_segment(head_skb, features) -> the list of segments: their heads hold the headers (and what stood in the head of
 * the original), copied by inlined functions. What skb_copy_bits copied into them within is counted already, so it is taken
 * off; so are segments made of one piece afterwards, whose head holds all.
 */
function leaveSegment(target: Target): SetMember {
  const a = new Assembler(target.types);
  a.move(context, r1);
  emitArgument(a, target, buffer, context, 'head_skb');
  emitLeave(a, { buffer, counter: causeOffset('segmented') });
  emitSaveKey(a);
  a.load(8, amount, r0, entryOffset.copied).negate(amount);
  emitResult(a, target, r3, context);
  emitHeadBytes(a);
  a.jumpIf(amount, 's<=', 0, 'out');
  emitBill(a, { amount, counter: 'segmented' });
  return leaveProgram(target, a);
}

/** Adds the head bytes of each segment of the list in r3 to `amount`. Clobbers r0..r5. */
function emitHeadBytes(a: Assembler): void {
  a.move(r0, 0)
    .label('segment')
    .jumpIf(r3, '==', 0, 'segments_end')
    .jumpIf(r0, '>=', segmentsMost, 'segments_end')
    .add(r0, 1)
    .loadField(r1, r3, 'sk_buff', 'len')
    .loadField(r2, r3, 'sk_buff', 'data_len')
    .sub(r1, r2)
    .add(amount, r1)
    .loadField(r3, r3, 'sk_buff', 'next')
    .jump('segment')
    .label('segments_end');
}
