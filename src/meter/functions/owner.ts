// Whose bytes a copy in the network stack moves. It runs in the name of whoever was interrupted, so the account is found
// by the socket: each keeps, in socket storage, the key of the process that used it last (at first, of the one that made
// it; an accepted one that of its listener). A buffer on its way out knows its socket, or the record of its pinned pages,
// which was noted at the send. A buffer on its way in may still carry the socket of its SENDER (veth does not take it
// off: measured in 298 of 298 packets), so there the headers say whose it is.

import { type Assembler, fp, type Register, r0, r1, r2, r3, r5, stack, type TypeSource } from '../../bpf/assembler.js';
import type { MapSpec } from '../../bpf/map.js';
import { AF } from '../../kernel/constants.js';
import {
  emitKeyFrom,
  emitSharedAccount,
  emitTotal,
  keyBytes,
  keyOffset,
  taskOffset,
  totalsOffset,
} from '../accounts/account-code.js';
import { accountBytes, type CauseName, causeOffset } from '../accounts/causes.js';
import { emitSharedInfoAddress, emitUntypedField, stackBelowUntyped } from './untyped.js';

/** BPF_F_CLONE: an accepted socket begins with its listener's value. */
const inheritByAccept = 1 << 9;
const flowBytes = 48;
/** A flow as its receiver sees it: namespace, both addresses (IPv4 in the first word), ports in network order. */
const flowOffset = { netns: 0, remote: 8, local: 24, remotePort: 40, localPort: 42, protocol: 44 } as const;

/** Keys of accounts by socket, and by the flow's addresses for what is on its way in. */
export const ownerMaps: readonly MapSpec[] = [
  {
    name: 'meter_owners',
    type: 'sk_storage',
    keyBytes: 4,
    valueBytes: keyBytes,
    maxEntries: 0,
    flags: inheritByAccept,
  },
  { name: 'meter_flows', type: 'lru_hash', keyBytes: flowBytes, valueBytes: keyBytes, maxEntries: 16384 },
];

const keyAt = -keyBytes;
const addressAt = stackBelowUntyped - 8;
const keptAt = addressAt - 8;
const headerAt = keptAt - 8;
const flowAt = headerAt - 8 - flowBytes;
/** Below this the stack is free for the programs' own variables. */
export const stackBelowOwner = flowAt;
/** Where {@link emitOwnerOfBuffer} and {@link emitOwnerOfSocket} leave the key. */
export const ownerKeyAt = keyAt;

// ---- noting -------------------------------------------------------------------------------------------------------

/**
 * Notes the current task as its socket's user: storage of the task in r0 (as emitOwnAccount leaves it), where the key
 * stands. Cheap where nothing changed. Keeps r0; clobbers r1..r5.
 */
export function emitNoteUser(a: Assembler, types: TypeSource, socket: Register): Assembler {
  const changed = a.uniqueLabel('new_user');
  const done = a.uniqueLabel('user_noted');
  a.store(8, fp, keptAt, r0)
    .call('sk_storage_get', { map: { map: 'meter_owners' }, socket, value: 0, flags: 1 })
    .jumpIf(r0, '==', 0, done)
    .load(8, r5, fp, keptAt);
  for (let offset = 0; offset < keyBytes; offset += 8) {
    a.load(8, r1, r0, offset)
      .load(8, r2, r5, taskOffset.key + offset)
      .jumpIf(r1, '!=', r2, changed);
  }
  a.jump(done).label(changed);
  for (let offset = 0; offset < keyBytes; offset += 8) {
    a.load(8, r2, r5, taskOffset.key + offset).store(8, r0, offset, r2);
  }
  emitFlowOfSocket(a, types, socket, done);
  a.load(8, r3, fp, keptAt)
    .add(r3, taskOffset.key)
    .call('map_update_elem', { map: { map: 'meter_flows' }, key: stack(flowAt), value: r3, flags: 0 });
  return a.label(done).load(8, r0, fp, keptAt);
}

/** Files the key at `ownerKeyAt` under the flow of a socket. Goes on either way. Clobbers r0..r5. */
export function emitNoteFlow(a: Assembler, types: TypeSource, socket: Register): Assembler {
  const done = a.uniqueLabel('flow_noted');
  emitFlowOfSocket(a, types, socket, done);
  return a
    .call('map_update_elem', { map: { map: 'meter_flows' }, key: stack(flowAt), value: stack(keyAt), flags: 0 })
    .label(done);
}

/** Files a key (a map's value at `key`, r3 or higher) under an address: of a socket, or of a record of pinned pages. Clobbers r0..r5. */
export function emitNoteAddress(a: Assembler, address: Register, key: Register): Assembler {
  return a.store(8, fp, addressAt, address).call('map_update_elem', {
    map: { map: 'meter_senders' },
    key: stack(addressAt),
    value: key,
    flags: 0,
  });
}

/** Writes a connected socket's flow to the stack; goes to `none` for any other socket. Clobbers r1, r2. */
function emitFlowOfSocket(a: Assembler, types: TypeSource, socket: Register, none: string): void {
  const version6 = a.uniqueLabel('version_6');
  const version4 = a.uniqueLabel('version_4');
  const ports = a.uniqueLabel('ports');
  const field = (name: string) => a.loadField(r1, socket, 'sock', `__sk_common.${name}`);
  for (let offset = 0; offset < flowBytes; offset += 8) a.store(8, fp, flowAt + offset, 0);
  const put = (size: 2 | 4 | 8, offset: number) => a.store(size, fp, flowAt + offset, r1);
  field('skc_dport').jumpIf(r1, '==', 0, none);
  put(2, flowOffset.remotePort);
  field('skc_family').jumpIf(r1, '==', AF.INET, version4).jumpIf(r1, '!=', AF.INET6, none);
  const word6 = (name: string, word: number) => field(`${name}.in6_u.u6_addr32[${word}]`);
  if (types.hasField('sock', '__sk_common.skc_v6_daddr')) {
    word6('skc_v6_daddr', 2).comment('::ffff:a.b.c.d').jumpIf32(r1, '!=', 0xffff0000, version6);
    a.jump(version4).label(version6);
    for (let word = 0; word < 4; word++) {
      word6('skc_v6_daddr', word);
      put(4, flowOffset.remote + word * 4);
      word6('skc_v6_rcv_saddr', word);
      put(4, flowOffset.local + word * 4);
    }
    a.jump(ports);
  }
  a.label(version4);
  field('skc_daddr');
  put(4, flowOffset.remote);
  field('skc_rcv_saddr');
  put(4, flowOffset.local);
  a.label(ports);
  field('skc_num').networkOrder(r1, 16);
  put(2, flowOffset.localPort);
  a.loadField(r1, socket, 'sock', 'sk_protocol');
  put(4, flowOffset.protocol);
  field('skc_net.net');
  put(8, flowOffset.netns);
}

// ---- finding ------------------------------------------------------------------------------------------------------

/** Which way a buffer goes: as its receive index says (`skb_iif`), or certainly out, or certainly in. */
export type Way = 'as-marked' | 'out' | 'in';

/**
 * Leaves the key of a buffer's owner at `ownerKeyAt`; where nobody is known, the key of process 0. Clobbers r0..r5.
 * @param way `out` for what a sender caused wherever it happens (a revert).
 */
export function emitOwnerOfBuffer(a: Assembler, types: TypeSource, buffer: Register, way: Way): Assembler {
  const owned = a.uniqueLabel('owned');
  const ingress = a.uniqueLabel('way_in');
  const nobody = a.uniqueLabel('nobody');
  if (way === 'as-marked') a.loadField(r1, buffer, 'sk_buff', 'skb_iif').jumpIf(r1, '!=', 0, ingress);
  if (way !== 'in') emitSenderOf(a, types, buffer, way, owned);
  if (way !== 'out') {
    if (way === 'as-marked') a.jump(nobody).label(ingress);
    emitFlowOfBuffer(a, types, buffer, way === 'in' ? 'mac_header' : 'network_header', nobody);
    a.call('map_lookup_elem', { map: { map: 'meter_flows' }, key: stack(flowAt) }).jumpIf(r0, '==', 0, nobody);
    emitKeyFrom(a, r0);
    a.jump(owned);
  }
  a.label(nobody);
  for (let offset = 0; offset < keyBytes; offset += 8) a.store(8, fp, keyAt + offset, 0);
  return a.label(owned);
}

/** The key of a socket's user to `ownerKeyAt`, or goes to `none`. Clobbers r0..r5. */
export function emitOwnerOfSocket(a: Assembler, socket: Register, none: string): Assembler {
  a.call('sk_storage_get', { map: { map: 'meter_owners' }, socket, value: 0, flags: 0 })
    .jumpIf(r0, '==', 0, none)
    .load(8, r1, r0, keyOffset.start)
    .jumpIf(r1, '==', 0, none);
  emitKeyFrom(a, r0);
  return a;
}

/**
 * By the buffer's socket, and by its record of pinned pages. For a revert the record is asked first: 7.3 reverts behind
 * the look-up of the receiver (early demux), when the buffer's socket is the receiver's. Up to 6.18 it was the sender's or none.
 */
function emitSenderOf(a: Assembler, types: TypeSource, buffer: Register, way: Way, owned: string): void {
  const bySocket = () => {
    const none = a.uniqueLabel('not_by_socket');
    a.loadField(r2, buffer, 'sk_buff', 'sk').jumpIf(r2, '==', 0, none);
    emitOwnerOfSocket(a, r2, none);
    a.jump(owned).label(none);
  };
  if (way !== 'out') bySocket();
  emitByRecord(a, types, buffer, owned);
  if (way === 'out') bySocket();
}

/** By the record of pinned pages, or the socket that MSG_ZEROCOPY keeps in it. */
function emitByRecord(a: Assembler, types: TypeSource, buffer: Register, owned: string): void {
  const nobody = a.uniqueLabel('no_record');
  emitSharedInfoAddress(a, r1, buffer).store(8, fp, headerAt, r1);
  emitUntypedField(a, types, r1, r1, ['skb_shared_info', 'flags'])
    .and(r1, types.enumValue('SKBFL_ZEROCOPY_ENABLE') ?? 1)
    .jumpIf(r1, '==', 0, nobody)
    .load(8, r1, fp, headerAt);
  emitUntypedField(a, types, r1, r1, ['skb_shared_info', 'destructor_arg']).and(r1, -4).store(8, fp, headerAt, r1);
  emitByAddress(a, r1, owned);
  a.load(8, r1, fp, headerAt).sub(r1, types.field('sk_buff', 'cb').offset);
  emitUntypedField(a, types, r1, r1, ['sk_buff', 'sk']);
  emitByAddress(a, r1, owned);
  a.label(nobody);
}

/** Takes the key filed under an address, if there is one, and goes to `owned`. */
export function emitByAddress(a: Assembler, address: Register, owned: string): Assembler {
  const unknown = a.uniqueLabel('unknown_address');
  a.store(8, fp, addressAt, address)
    .call('map_lookup_elem', { map: { map: 'meter_senders' }, key: stack(addressAt) })
    .jumpIf(r0, '==', 0, unknown);
  emitKeyFrom(a, r0);
  return a.jump(owned).label(unknown);
}

const etherHeaderBytes = 14;
const ipv6HeaderBytes = 40;

/** Writes the flow of a packet on its way in to the stack, from its headers; goes to `none` for no TCP or UDP. */
function emitFlowOfBuffer(
  a: Assembler,
  types: TypeSource,
  buffer: Register,
  from: 'network_header' | 'mac_header',
  none: string,
): void {
  const version4 = a.uniqueLabel('packet_4');
  const ports = a.uniqueLabel('packet_ports');
  for (let offset = 0; offset < flowBytes; offset += 8) a.store(8, fp, flowAt + offset, 0);
  a.loadField(r1, buffer, 'sk_buff', 'dev')
    .loadField(r1, r1, 'net_device', 'nd_net.net')
    .store(8, fp, flowAt + flowOffset.netns, r1)
    .loadField(r1, buffer, 'sk_buff', 'head')
    .loadField(r2, buffer, 'sk_buff', from)
    .add(r1, r2);
  if (from === 'mac_header') a.add(r1, etherHeaderBytes);
  a.store(8, fp, headerAt, r1);
  const read = (structName: string, path: string) => {
    a.load(8, r1, fp, headerAt);
    return emitUntypedField(a, types, r1, r1, [structName, path]);
  };
  const copyField = (structName: string, path: string, offset: number, size: 2 | 4) =>
    read(structName, path).store(size, fp, flowAt + offset, r1);
  read('iphdr', 'version').jumpIf(r1, '==', 4, version4).jumpIf(r1, '!=', 6, none);
  for (let word = 0; word < 4; word++) {
    copyField('ipv6hdr', `saddr.in6_u.u6_addr32[${word}]`, flowOffset.remote + word * 4, 4);
    copyField('ipv6hdr', `daddr.in6_u.u6_addr32[${word}]`, flowOffset.local + word * 4, 4);
  }
  copyField('ipv6hdr', 'nexthdr', flowOffset.protocol, 4);
  a.load(8, r1, fp, headerAt).add(r1, ipv6HeaderBytes).jump(ports).label(version4);
  copyField('iphdr', 'saddr', flowOffset.remote, 4);
  copyField('iphdr', 'daddr', flowOffset.local, 4);
  copyField('iphdr', 'protocol', flowOffset.protocol, 4);
  read('iphdr', 'ihl').alu('lsh', r1, 2).load(8, r2, fp, headerAt).add(r1, r2).label(ports).store(8, fp, headerAt, r1);
  a.comment('UDP has its ports at the same places');
  copyField('tcphdr', 'source', flowOffset.remotePort, 2);
  copyField('tcphdr', 'dest', flowOffset.localPort, 2);
}

// ---- billing ------------------------------------------------------------------------------------------------------

/** What is added to an account. */
export interface Bill {
  /** Bytes, in a register that survives calls. */
  readonly amount: Register;
  /** The counter: by name, or its place in a register that survives calls. */
  readonly counter: CauseName | Register;
  /** Counters that grow by 1. */
  readonly events?: readonly CauseName[];
}

/** The places of the counters lie below this, all multiples of 8. */
const placeMask = 0x3f8;

/** Adds to the account whose key stands at `ownerKeyAt`. Goes to `out` where the kernel has no memory. Clobbers r0..r5. */
export function emitBill(a: Assembler, { amount, counter, events = [] }: Bill): Assembler {
  if (counter === 'reverted') {
    const known = a.uniqueLabel('known_owner');
    a.load(8, r1, fp, keyAt + keyOffset.start).jumpIf(r1, '!=', 0, known);
    emitTotal(a, totalsOffset.unattributed, amount);
    emitTotal(a, totalsOffset.unattributedEvents, 1);
    a.label(known);
  }
  emitSharedAccount(a, amount, 'out');
  for (const name of events) a.move(r1, 1).atomic('add', 8, r0, causeOffset(name), r1);
  if (typeof counter === 'string') return a.atomic('add', 8, r0, causeOffset(counter), amount);
  return a
    .move(r1, counter)
    .and(r1, placeMask)
    .jumpIf(r1, '>', accountBytes - 8, 'out')
    .add(r0, r1)
    .atomic('add', 8, r0, 0, amount);
}
