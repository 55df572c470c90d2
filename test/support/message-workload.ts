// Messages over TCP between two processes that both look at the clock: for checking the measured journey. The sender sends
// messages of given sizes, one after the other, each answered with one byte; the receiver reads them whole, in parts, or
// after a peek. Run as: `node message-workload.js ROLE RESULT PORT_FILE MODE SIZES [HOST]`, sizes as JSON.
// Its results are times of CLOCK_MONOTONIC in ns, around the system calls themselves.

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { IPPROTO, MSG, TCP } from '../../src/kernel/constants.js';
import { syscall3, syscall6 } from '../../src/kernel/ffi.js';
import { sys } from '../../src/kernel/numbers.js';
import {
  acceptNonBlocking,
  connectTcp,
  listenTcp,
  localAddress,
  setNonBlocking,
  setSocketOption,
} from '../../src/kernel/socket.js';
import { check } from '../../src/kernel/system-error.js';
import { Region } from '../../src/memory/region.js';

/** How the receiver reads: everything that is there, 1000 bytes at most at a time, or after a peek. */
export type ReadMode = 'whole' | 'parts' | 'peek';

/** One message as one end saw it: before its first call and after its last, ns, and how many calls took bytes. */
export interface Seen {
  readonly beforeNs: number;
  readonly afterNs: number;
  readonly calls: number;
}

const partBytes = 1000;
const region = new Region(4 * 1024 * 1024);

function now(): number {
  return Number(process.hrtime.bigint());
}

function wait(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
}

function receive(fd: number, length: number, flags = 0): number {
  return check(syscall6(sys.recvfrom, fd, region.address, length, flags, 0, 0), 'recvfrom');
}

function receiver(portFile: string, mode: ReadMode, sizes: readonly number[], host: string): Seen[] {
  const listener = listenTcp({ host, port: 0 });
  setNonBlocking(listener, false);
  writeFileSync(`${portFile}.new`, String(localAddress(listener).port));
  renameSync(`${portFile}.new`, portFile);
  const fd = check(acceptNonBlocking(listener), 'accept');
  setNonBlocking(fd, false);
  setSocketOption(fd, IPPROTO.TCP, TCP.NODELAY, 1);
  return sizes.map((size) => {
    let calls = 0;
    let left = size;
    const beforeNs = now();
    while (left > 0) {
      if (mode === 'peek') receive(fd, left, MSG.PEEK);
      const got = receive(fd, mode === 'parts' ? Math.min(left, partBytes) : left);
      if (got === 0) throw new Error('the sender went away');
      left -= got;
      calls++;
    }
    const afterNs = now();
    check(syscall6(sys.sendto, fd, region.address, 1, MSG.NOSIGNAL, 0, 0), 'sendto');
    return { beforeNs, afterNs, calls };
  });
}

function sender(portFile: string, sizes: readonly number[], host: string): Seen[] {
  while (!existsSync(portFile)) wait();
  const fd = connectTcp({ host, port: Number(readFileSync(portFile, 'utf8')) });
  setSocketOption(fd, IPPROTO.TCP, TCP.NODELAY, 1);
  setNonBlocking(fd, false);
  const seen = sizes.map((size) => {
    const beforeNs = now();
    check(syscall6(sys.sendto, fd, region.address, size, MSG.NOSIGNAL, 0, 0), 'sendto');
    const afterNs = now();
    receive(fd, 1);
    return { beforeNs, afterNs, calls: 1 };
  });
  syscall3(sys.close, fd);
  return seen;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [role = '', result = '', portFile = '', mode = 'whole', sizes = '[]', host = '127.0.0.1'] =
    process.argv.slice(2);
  const list = JSON.parse(sizes) as number[];
  const seen = role === 'receiver' ? receiver(portFile, mode as ReadMode, list, host) : sender(portFile, list, host);
  writeFileSync(result, JSON.stringify(seen));
}
