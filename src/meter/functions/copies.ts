// Copies within the kernel: the primitives that copy bytes of buffers, billed to the buffer's owner under the cause that
// the functions around them (causes.ts) gave. Every copy is counted at exactly one primitive; the functions around
// only name it.

import { Assembler, fp, named, r0, r1, r2, r3, r6, r7, r8, r9, type TypeSource } from '../../bpf/assembler.js';
import type { SetMember } from '../../bpf/program-set.js';
import { emitKeyFrom, finish } from '../accounts/account-code.js';
import { type CauseName, causeOffset } from '../accounts/causes.js';
import { emitContext, emitLeave, emitTopEntry, emitUnlessKeyed, entryOffset } from './context.js';
import { emitBill, emitOwnerOfBuffer, stackBelowOwner } from './owner.js';
import { emitNoteStack } from './stacks.js';
import {
  emitArgument,
  emitIntArgument,
  emitResult,
  findTarget,
  member,
  type Target,
  type TierTypes,
} from './target.js';
import { emitSharedInfoField } from './untyped.js';

/** Registers of these programs. */
export const context = named(r6, 'context');
export const buffer = named(r7, 'buffer');
export const amount = named(r8, 'amount');
const counter = named(r9, 'counter');

const offsetAt = stackBelowOwner - 8;
const pagesAt = stackBelowOwner - 16;

/** The programs for every primitive that this kernel has. */
export function functionCopyPrograms(types: TierTypes): SetMember[] {
  const programs: SetMember[] = [];
  const add = (name: string, parameters: readonly string[], make: (target: Target) => SetMember): void => {
    const target = findTarget(types, [name], parameters);
    if (target !== undefined) programs.push(make(target));
  };
  add('skb_copy_bits', ['skb', 'offset', 'len'], (target) => copyBits(target, true));
  add('skb_store_bits', ['skb', 'offset', 'len'], (target) => copyBits(target, true));
  add('skb_copy_and_csum_bits', ['skb', 'offset', 'len'], (target) => copyBits(target, false));
  add('__pskb_copy_fclone', ['skb'], copyHead);
  add('pskb_expand_head', ['skb', 'nhead'], expandHead);
  add('skb_copy_ubufs', ['skb'], revert);
  return programs;
}

/**
 * Bills a copy of `amount` bytes of `buffer`: under the cause and to the owner that the function around it gave, where
 * one was entered for this buffer; else as `otherwise`, to the buffer's owner.
 */
function emitBillByContext(a: Assembler, types: TypeSource, otherwise: CauseName): Assembler {
  a.move(counter, causeOffset(otherwise));
  emitContext(a, 'no_cause', false);
  emitTopEntry(a, 'no_cause');
  a.load(8, r1, r0, entryOffset.buffer)
    .jumpIf(r1, '==', 0, 'cause')
    .jumpIf(r1, '!=', buffer, 'no_cause')
    .label('cause')
    .load(8, counter, r0, entryOffset.counter)
    .increase(r0, entryOffset.copied, amount, r1);
  const unkeyed = 'cause_without_owner';
  emitUnlessKeyed(a, r0, entryOffset.key, unkeyed);
  a.move(r2, r0).add(r2, entryOffset.key);
  emitKeyFrom(a, r2);
  a.jump('bill').label(unkeyed).jumpIf(counter, '!=', causeOffset('xdpCopied'), 'no_cause');
  emitOwnerOfBuffer(a, types, buffer, 'in');
  a.jump('bill').label('no_cause');
  emitOwnerOfBuffer(a, types, buffer, 'as-marked');
  a.label('bill');
  return emitBill(a, { amount, counter });
}

/**
 * skb_copy_bits(skb, offset, to, len) and its like. They call themselves for each buffer of a fragment list, so the outer
 * call's own part is what lies before the list.
 */
function copyBits(target: Target, hasStatus: boolean): SetMember {
  const { types } = target;
  const a = new Assembler(types);
  a.move(context, r1);
  if (hasStatus) emitResult(a, target, r1, context).jumpIf(r1, '!=', 0, 'out');
  emitIntArgument(a, target, amount, context, 'len').jumpIf(amount, 's<=', 0, 'out');
  emitArgument(a, target, buffer, context, 'skb').loadField(r1, buffer, 'sk_buff', 'data_len');
  a.jumpIf(r1, '==', 0, 'own');
  emitIntArgument(a, target, r1, context, 'offset').store(8, fp, offsetAt, r1);
  emitSharedInfoField(a, types, r1, buffer, 'frag_list');
  a.jumpIf(r1, '==', 0, 'own');
  emitPageLength(a, types);
  a.load(8, r1, fp, pagesAt)
    .load(8, r2, fp, offsetAt)
    .sub(r1, r2)
    .jumpIf(r1, 's<=', 0, 'out')
    .jumpIf(r1, 's>=', amount, 'own')
    .move(amount, r1)
    .label('own');
  emitBillByContext(a, types, 'otherCopied');
  const name = { skb_copy_bits: 'fn_copy_bits', skb_store_bits: 'fn_store_bits' }[target.name] ?? 'fn_csum_bits';
  return member(target, 'fexit', name, finish(a), target.name !== 'skb_copy_bits');
}

/** The bytes of `buffer` before its fragment list (skb_pagelen) to the place for them. Clobbers r0..r5, `counter`. */
function emitPageLength(a: Assembler, types: TypeSource): void {
  const name = types.hasField('skb_shared_info', 'frags[0].bv_len') ? 'bv_len' : 'len';
  const size = types.structSize(name === 'bv_len' ? 'bio_vec' : 'skb_frag');
  const fragments = (types.structSize('skb_shared_info') - types.field('skb_shared_info', 'frags').offset) / size;
  a.loadField(r1, buffer, 'sk_buff', 'len')
    .loadField(r2, buffer, 'sk_buff', 'data_len')
    .sub(r1, r2)
    .store(8, fp, pagesAt, r1);
  emitSharedInfoField(a, types, counter, buffer, 'nr_frags');
  for (let index = 0; index < fragments; index++) {
    a.jumpIf(counter, '<=', index, 'pages_known');
    emitSharedInfoField(a, types, r1, buffer, `frags[${index}].${name}`);
    a.load(8, r2, fp, pagesAt).add(r2, r1).store(8, fp, pagesAt, r2);
  }
  a.label('pages_known');
}

/** __pskb_copy_fclone(skb, headroom, ...) -> the copy: its head is new, its pages shared. */
function copyHead(target: Target): SetMember {
  const { types } = target;
  const a = new Assembler(types);
  a.move(context, r1);
  emitResult(a, target, r1, context).jumpIf(r1, '==', 0, 'out');
  emitArgument(a, target, buffer, context, 'skb')
    .loadField(amount, buffer, 'sk_buff', 'len')
    .loadField(r2, buffer, 'sk_buff', 'data_len')
    .sub(amount, r2)
    .jumpIf(amount, '==', 0, 'out');
  emitOwnerOfBuffer(a, types, buffer, 'as-marked');
  emitBill(a, { amount, counter: 'otherCopied' });
  return member(target, 'fexit', 'fn_copy_head', finish(a), true);
}

/**
 * pskb_expand_head(skb, nhead, ntail, gfp) -> 0: copies from the head to the tail, which then stands `nhead` further. A
 * function around it that has an owner says whose it is.
 */
function expandHead(target: Target): SetMember {
  const { types } = target;
  const a = new Assembler(types);
  a.move(context, r1);
  emitResult(a, target, r1, context).jumpIf(r1, '!=', 0, 'out');
  emitArgument(a, target, buffer, context, 'skb').loadField(amount, buffer, 'sk_buff', 'tail');
  emitIntArgument(a, target, r1, context, 'nhead').sub(amount, r1);
  emitContext(a, 'no_owner', false);
  emitTopEntry(a, 'no_owner');
  a.load(8, r1, r0, entryOffset.buffer).jumpIf(r1, '!=', buffer, 'no_owner');
  emitUnlessKeyed(a, r0, entryOffset.key, 'no_owner');
  a.move(r2, r0).add(r2, entryOffset.key);
  emitKeyFrom(a, r2);
  a.jump('bill').label('no_owner');
  emitOwnerOfBuffer(a, types, buffer, 'as-marked');
  a.label('bill');
  emitBill(a, { amount, counter: 'headerExpanded', events: ['buffersExpanded'] });
  return member(target, 'fexit', 'fn_expand_head', finish(a), false);
}

/**
 * skb_copy_ubufs(skb, gfp) -> 0: pinned pages copied after all, to the sender's account wherever it happens. Its entry
 * (causes.ts) found the sender, because the record of the pages is gone at the exit.
 */
function revert(target: Target): SetMember {
  const { types } = target;
  const a = new Assembler(types);
  a.move(context, r1);
  emitArgument(a, target, buffer, context, 'skb').loadField(amount, buffer, 'sk_buff', 'data_len');
  emitLeave(a, { buffer, counter: causeOffset('reverted') });
  a.move(r3, r0);
  emitResult(a, target, r1, context)
    .jumpIf(r1, '!=', 0, 'out')
    .jumpIf(amount, '==', 0, 'out')
    .move(r2, r3)
    .add(r2, entryOffset.key);
  emitKeyFrom(a, r2);
  emitBill(a, { amount, counter: 'reverted', events: ['reverts'] });
  emitNoteStack(a, context, 'reverted', amount);
  return member(target, 'fexit', 'fn_revert', finish(a), false);
}
