// Known bytes through known sockets (and, on the tier that counts them, a pipe and the page cache), right after attaching: the counters must match to the byte, or nothing is believed.
// It catches what no table can: a kernel whose layouts or call paths differ from what the programs assume.

import { MSG, SO, SOL } from '../kernel/constants.js';
import { syscall3 } from '../kernel/ffi.js';
import { createMemoryFile, scratch } from '../kernel/memory.js';
import { sys } from '../kernel/numbers.js';
import {
  acceptNonBlocking,
  closeDescriptor,
  connectTcp,
  listenTcp,
  localAddress,
  receive,
  send,
  sendFile,
  setSocketOption,
} from '../kernel/socket.js';
import { threadId, udpPair, unixStreamPair } from '../kernel/socket-pair.js';
import { check, SystemError } from '../kernel/system-error.js';
import { Region } from '../memory/region.js';
import {
  type AccountSource,
  addCounters,
  type Counters,
  readMoved,
  readTasks,
  subtractCounters,
} from './accounts/accounts.js';
import { type CauseName, causes, type Tier, tierSees } from './accounts/causes.js';

/** A counter that differs from what was moved. */
export interface Mismatch {
  readonly part: string;
  readonly cause: CauseName;
  readonly expected: number;
  readonly counted: number;
}

/** What a self-test found. */
export interface SelfTest {
  readonly passed: boolean;
  readonly wrong: readonly Mismatch[];
  /** Parts that were tried, and those that could not be, with the reason. */
  readonly tried: readonly string[];
  readonly untried: readonly string[];
  /** What it moved in all: not to be reported as the process's own doing. */
  readonly moved: Counters;
}

/** The meter's own figures cannot be trusted on this kernel. */
export class SelfTestError extends Error {
  override readonly name = 'SelfTestError';
  readonly code = 'CLEARWAY_METER_SELF_TEST';
  readonly selfTest: SelfTest;

  constructor(selfTest: SelfTest) {
    const parts = selfTest.wrong.map(
      ({ part, cause, expected, counted }) =>
        `${part}: ${causes[cause].words}, ${counted} counted where ${expected} moved`,
    );
    super(`the meter's self-test does not match on this kernel, so it prints no figures (${parts.join('; ')})`);
    this.selfTest = selfTest;
  }
}

/** Where the self-test works: memory to send from and receive into, and sockets to close at the end. */
interface Bench {
  readonly region: Region;
  readonly open: number[];
}

const receiveAt = 64 * 1024;

/** Each part moves bytes and says what must have been counted. Sizes are odd, so that no two sums agree by accident. */
const socketParts: Readonly<Record<string, (bench: Bench) => Counters>> = {
  'unix socket': ({ region, open }) => {
    const [left, right] = unixStreamPair();
    open.push(left, right);
    transfer(region, right, 10_007, () => send(left, region.address, 10_007, 0));
    return { unixSent: 10_007, unixReceived: 10_007, payloadSent: 10_007, payloadReceived: 10_007 };
  },
  'UDP over loopback': ({ region, open }) => {
    const [left, right] = udpPair();
    open.push(left, right);
    transfer(region, right, 1_009, () => send(left, region.address, 1_009, 0));
    return { udpSent: 1_009, udpReceived: 1_009, payloadSent: 1_009, payloadReceived: 1_009 };
  },
  'TCP over loopback': ({ region, open }) => {
    const [sender, receiver] = tcpPair(open);
    transfer(region, receiver, 32_771, () => send(sender, region.address, 32_771, 0));
    return { tcpSent: 32_771, tcpReceived: 32_771, payloadSent: 32_771, payloadReceived: 32_771 };
  },
  'sendfile over loopback': ({ region, open }) => {
    const [sender, receiver] = tcpPair(open);
    const file = createMemoryFile('clearway-self-test', 20_011);
    open.push(file);
    transfer(region, receiver, 20_011, () => sendFile(sender, file, 0, 20_011));
    return { spliced: 20_011, tcpReceived: 20_011, payloadSent: 20_011, payloadReceived: 20_011 };
  },
  'MSG_ZEROCOPY over loopback': ({ region, open }) => {
    const [sender, receiver] = tcpPair(open);
    check(setSocketOption(sender, SOL.SOCKET, SO.ZEROCOPY, 1), 'setsockopt', 'SO_ZEROCOPY');
    transfer(region, receiver, 24_593, () => send(sender, region.address, 24_593, MSG.ZEROCOPY));
    return { pinned: 24_593, reverted: 24_593, tcpReceived: 24_593, payloadSent: 24_593, payloadReceived: 24_593 };
  },
};

/** Parts for what only the function tier counts, and the functions without which it does not. */
const fileParts: Readonly<Record<string, { needs: readonly string[]; move: (bench: Bench) => Counters }>> = {
  pipe: {
    needs: [],
    move: ({ region, open }) => {
      const [out, into] = pipePair();
      open.push(out, into);
      whole(syscall3(sys.write, into, region.address, 12_011), 12_011, 'write');
      whole(syscall3(sys.read, out, region.address + receiveAt, receiveAt), 12_011, 'read');
      return { pipeWritten: 12_011, pipeRead: 12_011 };
    },
  },
  'page cache, written': {
    needs: [],
    move: ({ region, open }) => {
      const file = createMemoryFile('clearway-self-test', 0);
      open.push(file);
      whole(syscall3(sys.write, file, region.address, 15_013), 15_013, 'write');
      return { fileWritten: 15_013 };
    },
  },
  'page cache, read': {
    needs: ['shmem_file_read_iter'],
    move: ({ region, open }) => {
      const file = createMemoryFile('clearway-self-test', 18_013);
      open.push(file);
      whole(syscall3(sys.read, file, region.address + receiveAt, receiveAt), 18_013, 'read');
      return { fileRead: 18_013 };
    },
  },
};

function whole(result: number, length: number, call: string): void {
  if (check(result, call) !== length) throw new SystemError(5, call, `of ${length} bytes took ${result}`);
}

function pipePair(): [out: number, into: number] {
  const place = scratch(8);
  check(syscall3(sys.pipe2, place.address, 0), 'pipe2');
  return [place.data.getInt32(place.offset, true), place.data.getInt32(place.offset + 4, true)];
}

/** Sends all (in one call: it fits the socket's buffer) and receives all, waiting at most a second. */
function transfer(region: Region, receiver: number, length: number, sendAll: () => number): void {
  const taken = check(sendAll(), 'send');
  if (taken !== length) throw new SystemError(105, 'send', `of ${length} bytes took ${taken}`);
  const deadline = performance.now() + 1000;
  for (let received = 0; received < length; ) {
    const result = receive(receiver, region.address + receiveAt, receiveAt);
    if (result > 0) received += result;
    else if (result === 0 || performance.now() > deadline) throw new SystemError(110, 'receive', 'on loopback');
  }
}

function tcpPair(open: number[]): [sender: number, receiver: number] {
  const listener = listenTcp({ host: '127.0.0.1', port: 0 });
  open.push(listener);
  const sender = connectTcp(localAddress(listener));
  open.push(sender);
  const receiver = check(acceptNonBlocking(listener), 'accept');
  open.push(receiver);
  return [sender, receiver];
}

/** What must match for every part of files and pipes. */
const comparedOfFiles: readonly CauseName[] = [
  ...(['fileWritten', 'fileRead', 'pipeWritten', 'pipeRead', 'kernelWritten', 'kernelRead'] as const),
];

/** What must match for every part of sockets: every counter of bytes moved by or for one. */
const comparedOfSockets: readonly CauseName[] = [
  ...(['tcpSent', 'udpSent', 'unixSent', 'otherSent', 'tcpReceived', 'udpReceived', 'unixReceived'] as const),
  ...(['otherReceived', 'reverted', 'kernelSent', 'kernelReceived', 'spliced', 'pinned'] as const),
  ...(['payloadSent', 'payloadReceived'] as const),
];

/** Times a part is tried: another thread's transfers may be mistaken for it once, a wrong program always. */
const attempts = 3;

/**
 * Moves known bytes on the calling thread, part by part, and compares with what was counted for the thread, and billed
 * to the process by others. Takes a few milliseconds.
 * @param attached whether a program runs at a kernel function.
 */
export function runSelfTest(source: AccountSource, tier: Tier, attached: (target: string) => boolean): SelfTest {
  const thread = threadId();
  const own = () => {
    const kept = readTasks(source.tasks, tier).filter((row) => row.threadId === thread);
    const billed = readMoved(source.accounts, tier).filter((row) => row.processId === process.pid);
    return addCounters([
      ...kept.map((row) => row.counters),
      ...billed.map(({ counters: { reverted = 0, reverts = 0 } }) => ({ reverted, reverts })),
    ]);
  };
  const region = new Region(2 * receiveAt);
  const wrong: Mismatch[] = [];
  const tried: string[] = [];
  const untried: string[] = [];
  const atStart = own();
  try {
    for (const part of partsOf(tier, attached)) {
      try {
        const differences = tryPart(part, region, own);
        wrong.push(...differences);
        tried.push(part.name);
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        untried.push(`${part.name}: ${error.message}`);
      }
    }
  } finally {
    region.unmap();
  }
  const moved = subtractCounters(own(), atStart);
  return { passed: wrong.length === 0 && tried.length > 0, wrong, tried, untried, moved };
}

interface Part {
  readonly name: string;
  readonly move: (bench: Bench) => Counters;
  readonly compared: readonly CauseName[];
}

/** The parts for a tier: files and pipes where it counts them. */
function partsOf(tier: Tier, attached: (target: string) => boolean): Part[] {
  const ofSockets = Object.entries(socketParts).map(([name, move]) => ({ name, move, compared: comparedOfSockets }));
  const ofFiles = Object.entries(fileParts)
    .filter(([, { needs }]) => comparedOfFiles.every((cause) => tierSees(tier, cause)) && needs.every(attached))
    .map(([name, { move }]) => ({ name, move, compared: comparedOfFiles }));
  return [...ofSockets, ...ofFiles];
}

function tryPart(part: Part, region: Region, own: () => Counters): Mismatch[] {
  for (let attempt = 1; ; attempt++) {
    const open: number[] = [];
    const before = own();
    try {
      const differences = compare(part, part.move({ region, open }), subtractCounters(own(), before));
      if (differences.length === 0 || attempt === attempts) return differences;
    } finally {
      for (const fd of open) closeDescriptor(fd);
    }
  }
}

function compare({ name, compared }: Part, expected: Counters, counted: Counters): Mismatch[] {
  return compared
    .filter((cause) => (expected[cause] ?? 0) !== (counted[cause] ?? 0))
    .map((cause) => ({ part: name, cause, expected: expected[cause] ?? 0, counted: counted[cause] ?? 0 }));
}
