// A program: socket traffic that costs little besides the sockets, for measuring what the meter adds. It reads lines from its
// standard input, each a time in ms, works that long, and answers each with a line of JSON. It ends with its input.
// Usage: load.js tcp|flood|read

import { createInterface } from 'node:readline';
import { MSG } from '../../src/kernel/constants.js';
import { Errno } from '../../src/kernel/errno.js';
import { syscall6 } from '../../src/kernel/ffi.js';
import { sys } from '../../src/kernel/numbers.js';
import { acceptNonBlocking, closeDescriptor, connectTcp, listenTcp, localAddress } from '../../src/kernel/socket.js';
import { udpPair } from '../../src/kernel/socket-pair.js';
import { check } from '../../src/kernel/system-error.js';
import { Region } from '../../src/memory/region.js';

/** What a round did. Times are of this process: its threads' CPU time, which holds what loopback does for its receiver. */
export interface Round {
  readonly wallNs: number;
  readonly cpuNs: number;
  /** Messages that the kernel took, and their bytes. */
  readonly messages: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

type Work = () => Omit<Round, 'wallNs' | 'cpuNs'>;

const messageBytes = 65_536;
const region = new Region(1 << 20);

/** One message after the other from one end of a connection to the other, on this thread: nobody is woken. */
function tcpMessages(): Work {
  const listener = listenTcp({ host: '127.0.0.1', port: 0 });
  const sender = connectTcp(localAddress(listener));
  const receiver = check(acceptNonBlocking(listener), 'accept');
  closeDescriptor(listener);
  const into = region.address + messageBytes;
  return () => {
    for (let sent = 0, received = 0; received < messageBytes; ) {
      if (sent < messageBytes) {
        const flags = MSG.DONTWAIT | MSG.NOSIGNAL;
        const taken = syscall6(sys.sendto, sender, region.address, messageBytes - sent, flags, 0, 0);
        if (taken !== -Errno.EAGAIN) sent += check(taken, 'send');
      }
      const given = syscall6(sys.recvfrom, receiver, into, messageBytes, MSG.DONTWAIT, 0, 0);
      if (given !== -Errno.EAGAIN) received += check(given, 'receive');
    }
    return { messages: 1, sentBytes: messageBytes, receivedBytes: messageBytes };
  };
}

const batch = 512;
const packetBytes = 16;
const mmsghdrBytes = 64;
const headersAt = 0;
const vectorsAt = batch * mmsghdrBytes;
const payloadAt = vectorsAt + batch * 16;

/** `batch` of struct mmsghdr (recvmmsg(2)), each with one vector of a packet. */
function prepareBatch(): void {
  const view = new DataView(region.buffer);
  for (let index = 0; index < batch; index++) {
    const header = headersAt + index * mmsghdrBytes;
    const vector = vectorsAt + index * 16;
    view.setBigUint64(header + 16, BigInt(region.address + vector), true);
    view.setBigUint64(header + 24, 1n, true);
    view.setBigUint64(vector, BigInt(region.address + payloadAt), true);
    view.setBigUint64(vector + 8, BigInt(packetBytes), true);
  }
}

/** Small packets by sendmmsg, as many as the kernel takes. With `read` they are read too, else the receiver's queue is full. */
function packets(read: boolean): Work {
  const [sender, receiver] = udpPair();
  prepareBatch();
  return () => {
    const messages = check(syscall6(sys.sendmmsg, sender, region.address, batch, MSG.DONTWAIT, 0, 0), 'sendmmsg');
    let receivedBytes = 0;
    if (read) {
      const given = syscall6(sys.recvmmsg, receiver, region.address, batch, MSG.DONTWAIT, 0, 0);
      if (given !== -Errno.EAGAIN) receivedBytes = check(given, 'recvmmsg') * packetBytes;
    }
    return { messages, sentBytes: messages * packetBytes, receivedBytes };
  };
}

const works: Readonly<Record<string, () => Work>> = {
  tcp: tcpMessages,
  flood: () => packets(false),
  read: () => packets(true),
};

function round(work: Work, timeMs: number): Round {
  let messages = 0;
  let sentBytes = 0;
  let receivedBytes = 0;
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  const end = start + BigInt(timeMs) * 1_000_000n;
  for (let turn = 0; turn % 16 !== 0 || process.hrtime.bigint() < end; turn++) {
    const done = work();
    messages += done.messages;
    sentBytes += done.sentBytes;
    receivedBytes += done.receivedBytes;
  }
  const wallNs = Number(process.hrtime.bigint() - start);
  const { user, system } = process.cpuUsage(cpu);
  return { wallNs, cpuNs: (user + system) * 1000, messages, sentBytes, receivedBytes };
}

const work = works[process.argv[2] ?? '']!();
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(round(work, Number(line)))}\n`);
}
