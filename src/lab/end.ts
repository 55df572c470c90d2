// One end of an experiment's connection, as a program in a process and a namespace of its own: `node end.js ROLE JSON`.
// Its listening or connected socket is its own; it prints nothing, because its output would be socket traffic too.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AF, SO, SOCK, SOL } from '../kernel/constants.js';
import { syscall3, syscall6 } from '../kernel/ffi.js';
import { endWithParent, enterNetworkNamespace } from '../kernel/namespace.js';
import { sys } from '../kernel/numbers.js';
import { connectTcp, setSocketOption } from '../kernel/socket.js';
import { check } from '../kernel/system-error.js';
import type { ZerocopyNotices } from '../kernel/zerocopy-notice.js';
import { Region } from '../memory/region.js';
import { coded } from '../text/coded.js';
import { type SenderName, senders } from './senders.js';

/** What an end is told. */
export interface EndTask {
  readonly role: 'receive' | 'send' | 'capture';
  readonly parent: number;
  readonly namespace: string;
  readonly bytes: number;
  /** Where a sender connects to, and how it sends. */
  readonly host?: string;
  readonly port?: number;
  readonly sender?: SenderName;
  /** A control group to join before the socket is made. */
  readonly controlGroup?: string;
  /** Where a sender or capturer writes what it saw ({@link EndResult}). */
  readonly result?: string;
}

/** What an end found. */
export interface EndResult {
  readonly bytes: number;
  readonly notices?: ZerocopyNotices;
}

/** The program itself. */
export const endProgram = fileURLToPath(import.meta.url);
/** The descriptor on which a receiver is given its listening socket, and a capturer its packet socket. */
const givenSocket = 3;

const receiveBytes = 262_144;

function receive(task: EndTask): EndResult {
  const { address } = new Region(receiveBytes);
  const socket = check(syscall6(sys.accept4, givenSocket, 0, 0, SOCK.CLOEXEC), 'accept');
  let received = 0;
  for (;;) {
    const given = check(syscall6(sys.recvfrom, socket, address, 65_536, 0, 0, 0), 'receive');
    if (given === 0) break;
    received += given;
  }
  if (received !== task.bytes) throw coded('CLEARWAY_LAB', new Error(`${received} bytes came of ${task.bytes}`));
  return { bytes: received };
}

function send(task: EndTask): EndResult {
  const socket = connectTcp({ host: task.host!, port: task.port! });
  const sender = senders[task.sender!](socket, task.bytes);
  for (let sent = 0; sent < task.bytes; ) sent += check(sender.send(task.bytes - sent), task.sender!);
  const notices = sender.notices === undefined ? undefined : allNotices(sender.notices);
  return { bytes: task.bytes, ...(notices === undefined ? {} : { notices }) };
}

/** Notices come when the peer has taken the bytes: waits for the last, at most a second. */
function allNotices(read: () => ZerocopyNotices): ZerocopyNotices {
  const deadline = performance.now() + 1000;
  let last = read();
  let before = -1;
  let quietSince = performance.now();
  while (performance.now() < deadline && performance.now() - quietSince < 50) {
    last = read();
    if (last.copied + last.referenced === before) continue;
    before = last.copied + last.referenced;
    quietSince = performance.now();
  }
  return last;
}

/** Takes every packet from the packet socket, as a capture does, until it is killed. */
function capture(): never {
  const { address } = new Region(receiveBytes);
  for (;;) check(syscall6(sys.recvfrom, givenSocket, address, receiveBytes, 0, 0, 0), 'recvfrom', 'packet socket');
}

const everyProtocol = 0x0003;

/** A packet socket that sees every packet of this thread's namespace, with room for many. @throws SystemError */
export function packetSocket(): number {
  const networkOrder = (everyProtocol << 8) & 0xffff;
  const fd = check(syscall3(sys.socket, AF.PACKET, SOCK.RAW | SOCK.CLOEXEC, networkOrder), 'socket', 'AF_PACKET');
  setSocketOption(fd, SOL.SOCKET, SO.RCVBUFFORCE, 256 * 1024 * 1024);
  return fd;
}

function main(task: EndTask): void {
  endWithParent(task.parent);
  if (task.controlGroup !== undefined) writeFileSync(join(task.controlGroup, 'cgroup.procs'), String(process.pid));
  enterNetworkNamespace(task.namespace);
  const result = task.role === 'send' ? send(task) : task.role === 'receive' ? receive(task) : capture();
  if (task.result !== undefined) writeFileSync(task.result, JSON.stringify(result));
}

if (process.argv[1] === endProgram) main(JSON.parse(process.argv[2]!) as EndTask);
