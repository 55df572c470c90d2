// Sockets on this host: pacing, zero-copy sends, TLS in the kernel. Nothing is sent: a socket says what it accepts.
// Not here: io_uring's own sends (probe-uring.ts), AF_XDP (probe-bypass.ts).

import { release } from 'node:os';
import { IPPROTO, SO, SOL, TCP } from './constants.js';
import { Errno, errnoName } from './errno.js';
import { syscall6 } from './ffi.js';
import { cString } from './memory.js';
import { sys } from './numbers.js';
import type { Outcome, Probe } from './probe.js';
import { readSysctl, readSysctlNumber, readText } from './proc.js';
import { closeDescriptor, createTcpSocket, getSocketOption, setPacingRate, setSocketOption } from './socket.js';

function withTcpSocket<T>(use: (fd: number) => T): T {
  const fd = createTcpSocket('127.0.0.1');
  try {
    return use(fd);
  } finally {
    closeDescriptor(fd);
  }
}

function examinePacing(): Outcome {
  const rate = 1_000_000;
  const [set, got] = withTcpSocket((fd) => [
    setPacingRate(fd, rate),
    getSocketOption(fd, SOL.SOCKET, SO.MAX_PACING_RATE),
  ]);
  const qdisc = readSysctl('net.core.default_qdisc') ?? null;
  const facts = { defaultQdisc: qdisc };
  if (set < 0 || got !== rate) {
    return {
      state: 'no',
      detail: `SO_MAX_PACING_RATE is not accepted${set < 0 ? ` (${errnoName(-set)})` : ''}`,
      cost: '--pace has no effect: a response leaves as fast as its reader takes it',
      remedy: 'boot Linux 3.13 or newer, outside a sandbox that filters socket options',
      facts,
    };
  }
  if (qdisc === 'fq') return { state: 'yes', detail: 'SO_MAX_PACING_RATE, spaced by the fq queue', facts };
  return {
    state: 'limited',
    detail: `SO_MAX_PACING_RATE, spaced by TCP's own timers (default queue: ${qdisc ?? 'not shown here'})`,
    cost: 'a timer for each paced connection instead of one queue for the device',
    remedy: 'sudo sysctl net.core.default_qdisc=fq, and tc qdisc replace dev DEVICE root fq',
    facts,
  };
}

/** Control memory for some thousand outstanding notifications (the default since Linux 6.10). */
const enoughOptionMemoryBytes = 128 * 1024;

function examineZeroCopy(): Outcome {
  const result = withTcpSocket((fd) => setSocketOption(fd, SOL.SOCKET, SO.ZEROCOPY, 1));
  const cost = 'frames are copied once by the kernel when they are sent; files still leave by sendfile';
  if (result < 0) {
    return {
      state: 'no',
      detail: `SO_ZEROCOPY is not accepted (${errnoName(-result)})`,
      cost,
      remedy: 'boot Linux 4.14 or newer',
    };
  }
  const memory = readSysctlNumber('net.core.optmem_max') ?? null;
  const facts = { optmemMaxBytes: memory };
  if (memory !== null && memory < enoughOptionMemoryBytes) {
    return {
      state: 'limited',
      detail: `accepted, but net.core.optmem_max is ${memory} bytes`,
      cost: 'few sends can be outstanding on a socket (ENOBUFS), and the rest is copied',
      remedy: `sudo sysctl net.core.optmem_max=${enoughOptionMemoryBytes}`,
      facts,
    };
  }
  return { state: 'yes', detail: 'MSG_ZEROCOPY; loopback and veth copy all the same, and say so', facts };
}

/**
 * Kernel TLS is asked for on a socket that is not connected: ENOTCONN means that it is there (Linux,
 * net/tls/tls_main.c), ENOENT that there is none. The question may load the module where this process may do that.
 */
function examineTls(): Outcome {
  const name = cString('tls');
  const result = withTcpSocket((fd) => syscall6(sys.setsockopt, fd, IPPROTO.TCP, TCP.ULP, name, 'tls'.length));
  if (result >= 0 || result === -Errno.ENOTCONN) {
    return { state: 'yes', detail: 'TCP_ULP accepts tls', facts: { module: 'there' } };
  }
  const listed = readText(`/lib/modules/${release()}/modules.dep`);
  const built = listed === undefined ? undefined : /\/tls\.ko/.test(listed);
  const cost = 'HTTPS would encrypt in user space, and copy every byte of a body twice';
  if (built === true) {
    const remedy = 'sudo modprobe tls';
    return { state: 'limited', detail: 'the module tls is not loaded', cost, remedy, facts: { module: 'not-loaded' } };
  }
  return {
    state: 'no',
    detail: `TCP_ULP does not know tls (${errnoName(-result)})${built === false ? ', and there is no module' : ''}`,
    cost,
    remedy: built === false ? 'boot a kernel with CONFIG_TLS=y or =m' : 'sudo modprobe tls (on the host)',
    facts: { module: built === false ? 'absent' : 'unknown' },
  };
}

/** Probes of socket options. */
export const socketProbes: readonly Probe[] = [
  {
    ...{ id: 'pacing', group: 'sockets', what: 'pacing' },
    meaning: '--pace: the kernel spaces the packets of a response.',
    examine: examinePacing,
  },
  {
    ...{ id: 'so_zerocopy', group: 'sockets', what: 'SO_ZEROCOPY' },
    meaning: 'Memory can leave from the pages it lies in: clearway lab measures it, serve does without.',
    examine: examineZeroCopy,
  },
  {
    ...{ id: 'ktls', group: 'sockets', what: 'kernel TLS' },
    meaning: 'HTTPS bodies by sendfile, encrypted by the kernel or the card. Not used yet: serve has no HTTPS.',
    examine: examineTls,
  },
];
