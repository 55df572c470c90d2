// Accounts by socket, on request: what went through each socket that is open now. They are kept in socket storage, so
// they end with the socket; what its process moved stays in the process's account.

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
import type { MapSpec } from '../../bpf/map.js';
import type { ProgramSource } from '../../bpf/program.js';
import { AF } from '../../kernel/constants.js';
import { finish } from './account-code.js';

/** What is kept with a socket: counters, and the process that used it last. */
const kept = {
  sentCopied: 0,
  sentByReference: 8,
  received: 16,
  sends: 24,
  receives: 32,
  process: 40,
} as const;
const keptBytes = 48;

export const socketMaps: readonly MapSpec[] = [
  { name: 'meter_sockets', type: 'sk_storage', keyBytes: 4, valueBytes: keptBytes, maxEntries: 0 },
];

/** BPF_SK_STORAGE_GET_F_CREATE. */
const createStorage = 1;

/**
 * At the end of a send or receive: adds to the socket's account. Goes to `out` where there is no memory for one.
 * @param counter the counter's name, or a register that holds 0 for `sentCopied` and 8 for `sentByReference`.
 */
export function emitSocketAccount(
  a: Assembler,
  use: { socket: Register; task: Register; amount: Register; counter: 'received' | Register },
): void {
  const { socket, task, amount, counter } = use;
  a.call('sk_storage_get', { map: { map: 'meter_sockets' }, socket, value: 0, flags: createStorage })
    .jumpIf(r0, '==', 0, 'out')
    .loadField(r1, task, 'task_struct', 'tgid')
    .store(8, r0, kept.process, r1)
    .increase(r0, counter === 'received' ? kept.receives : kept.sends, 1, r1);
  if (counter === 'received') a.increase(r0, kept.received, amount, r1);
  else a.add(r0, counter).increase(r0, 0, amount, r1);
}

/** Who a socket is, as the iterator writes it before the account. */
const identity = {
  family: 0,
  protocol: 2,
  localPort: 4,
  remotePort: 6,
  netns: 8,
  state: 12,
  localV4: 16,
  remoteV4: 20,
  cookie: 24,
  localV6: 32,
  remoteV6: 48,
  /** Where the kernel keeps it: which rows are of the same socket. */
  address: 64,
} as const;
const identityBytes = 72;

/** What an iterator over sockets goes through: what the map keeps, every task's open files, or a protocol's sockets in the network namespace it is read in. */
export type SocketWalk = keyof typeof walks;

const walks = {
  storage: { name: 'meter_socket_list', target: 'bpf_sk_storage_map' },
  files: { name: 'meter_file_sockets', target: 'task_file' },
  tcp: { name: 'meter_tcp_sockets', target: 'tcp' },
  udp: { name: 'meter_udp_sockets', target: 'udp' },
  unix: { name: 'meter_unix_sockets', target: 'unix' },
} as const;

/** The ways to list all sockets, best first. Those of a protocol together leave out raw, packet and netlink sockets. */
export const socketWalks: readonly (readonly SocketWalk[])[] = [['storage'], ['files'], ['tcp', 'udp', 'unix']];

/** Iterator that writes who a socket is and its account, for those that have one; over `files`, once for each open file. */
export function socketListProgram(types: TypeSource, over: SocketWalk): ProgramSource {
  const a = new Assembler(types);
  const context = named(r6, 'context');
  const socket = named(r7, 'socket');
  const account = named(r8, 'account');
  const sequence = named(r9, 'sequence');
  const at = (offset: number) => offset - identityBytes;
  a.move(context, r1);
  if (over === 'storage') {
    a.load(8, socket, context, 16)
      .jumpIf(socket, '==', 0, 'out')
      .load(8, account, context, 24)
      .jumpIf(account, '==', 0, 'out');
  } else {
    if (over === 'files') {
      a.load(8, r1, context, 24)
        .jumpIf(r1, '==', 0, 'out')
        .call('sock_from_file', { file: r1 })
        .jumpIf(r0, '==', 0, 'out')
        .loadField(socket, r0, 'socket', 'sk');
    } else a.load(8, socket, context, 8);
    a.jumpIf(socket, '==', 0, 'out');
    if (over === 'tcp') {
      // What is on its way to a connection, or waits after one, is no whole socket.
      a.call('skc_to_tcp_sock', { socket }).jumpIf(r0, '==', 0, 'out').move(socket, r0);
    }
    a.call('sk_storage_get', { map: { map: 'meter_sockets' }, socket, value: 0, flags: 0 })
      .jumpIf(r0, '==', 0, 'out')
      .move(account, r0);
  }
  a.load(8, r1, context, 0).loadField(sequence, r1, 'bpf_iter_meta', 'seq');
  for (let word = 0; word < identityBytes; word += 8) a.store(8, fp, at(word), 0);
  a.store(8, fp, at(identity.address), socket);
  const copy = (size: 1 | 2 | 4 | 8, to: number, path: string) =>
    a.loadField(r1, socket, 'sock', path).store(size, fp, at(to), r1);
  copy(2, identity.family, '__sk_common.skc_family');
  copy(2, identity.protocol, 'sk_protocol');
  copy(1, identity.state, '__sk_common.skc_state');
  copy(8, identity.cookie, '__sk_common.skc_cookie.counter');
  a.loadField(r1, socket, 'sock', '__sk_common.skc_net.net')
    .loadField(r1, r1, 'net', 'ns.inum')
    .store(4, fp, at(identity.netns), r1)
    .load(2, r1, fp, at(identity.family))
    .jumpIf(r1, '==', AF.INET, 'internet')
    .jumpIf(r1, '!=', AF.INET6, 'write')
    .label('internet');
  copy(2, identity.localPort, '__sk_common.skc_num');
  copy(2, identity.remotePort, '__sk_common.skc_dport');
  copy(4, identity.localV4, '__sk_common.skc_rcv_saddr');
  copy(4, identity.remoteV4, '__sk_common.skc_daddr');
  for (let word = 0; word < 4; word++) {
    copy(4, identity.localV6 + word * 4, `__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[${word}]`);
    copy(4, identity.remoteV6 + word * 4, `__sk_common.skc_v6_daddr.in6_u.u6_addr32[${word}]`);
  }
  a.label('write')
    .call('seq_write', { sequence, data: stack(at(0)), size: identityBytes })
    .call('seq_write', { sequence, data: account, size: keptBytes });
  return { ...walks[over], type: 'iter', code: finish(a) };
}

/** What went through one open socket since the meter was opened. Bytes. */
export interface SocketRow {
  readonly protocol: 'tcp' | 'udp' | 'unix' | 'other';
  /** `127.0.0.1:80`, `[::1]:80`; empty for others than internet sockets. */
  readonly local: string;
  readonly remote: string;
  readonly networkNamespace: number;
  /** The kernel's id of the socket (SO_COOKIE), 0 where none was asked for yet. */
  readonly cookie: number;
  /** The process that used it last. */
  readonly processId: number;
  readonly sentCopied: number;
  readonly sentByReference: number;
  readonly received: number;
  readonly sends: number;
  readonly receives: number;
}

/** Decodes what an iterator wrote: a row for each socket that is not in `seen`, by address, and is put there. */
export function decodeSockets(bytes: Uint8Array, seen: Set<bigint>): SocketRow[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rows: SocketRow[] = [];
  for (let at = 0; at + identityBytes + keptBytes <= bytes.length; at += identityBytes + keptBytes) {
    const address = view.getBigUint64(at + identity.address, true);
    if (seen.has(address)) continue;
    seen.add(address);
    const counter = (offset: number) => Number(view.getBigUint64(at + identityBytes + offset, true));
    rows.push({
      protocol: protocolName(view.getUint16(at + identity.family, true), view.getUint16(at + identity.protocol, true)),
      local: endpoint(view, at, identity.localV4, identity.localV6, view.getUint16(at + identity.localPort, true)),
      remote: endpoint(view, at, identity.remoteV4, identity.remoteV6, view.getUint16(at + identity.remotePort, false)),
      networkNamespace: view.getUint32(at + identity.netns, true),
      cookie: Number(view.getBigUint64(at + identity.cookie, true)),
      processId: counter(kept.process),
      sentCopied: counter(kept.sentCopied),
      sentByReference: counter(kept.sentByReference),
      received: counter(kept.received),
      sends: counter(kept.sends),
      receives: counter(kept.receives),
    });
  }
  return rows;
}

function protocolName(family: number, protocol: number): SocketRow['protocol'] {
  if (family === AF.UNIX) return 'unix';
  if (family !== AF.INET && family !== AF.INET6) return 'other';
  if (protocol === 6) return 'tcp';
  return protocol === 17 || protocol === 136 ? 'udp' : 'other';
}

function endpoint(view: DataView, at: number, v4: number, v6: number, port: number): string {
  const family = view.getUint16(at + identity.family, true);
  if (family === AF.INET) {
    return `${[0, 1, 2, 3].map((index) => view.getUint8(at + v4 + index)).join('.')}:${port}`;
  }
  if (family !== AF.INET6) return '';
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(at + v6 + index * 2, false).toString(16));
  return `[${groups.join(':').replace(/(^|:)0(:0)+(:|$)/, '::')}]:${port}`;
}
