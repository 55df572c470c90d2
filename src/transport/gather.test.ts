// Gathered sends on real sockets, both engines: random lists of segments and file extents against naive concatenation,
// to a reader that stalls. What is lent comes back, once, also when the reader leaves in the middle.

import assert from 'node:assert/strict';
import { mkdtempSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { engineAbsence } from '../../test/support/engine-absence.js';
import { messagesLeased } from '../../test/support/messages.js';
import { platformIsLinux } from '../kernel/ffi.js';
import { closeDescriptor, listenTcp, localAddress, setNonBlocking } from '../kernel/socket.js';
import { MappedFile } from '../memory/mapped-file.js';
import { Region } from '../memory/region.js';
import { IOV_MAX } from '../memory/sg-list.js';
import type { Connection, Protocol } from './connection.js';
import { leaseMessage, messageAddress, releaseMessage, unmapMessages } from './gather.js';
import { Listener } from './listener.js';
import { Loop } from './loop.js';
import type { FileSource, Lender } from './output.js';
import { SendMode } from './send-modes.js';

interface Piece {
  readonly file: boolean;
  readonly offset: number;
  readonly length: number;
}

/** A file of so many bytes is mapped in two windows. */
const regionBytes = 9 * 1024 * 1024;
const windowBytes = 8 * 1024 * 1024;

/** Answers anything with the list that is set, and counts what it lent. */
class ListProtocol implements Protocol<null>, Lender {
  pieces: readonly Piece[] = [];
  lent = 0;
  closedConnections = 0;
  readonly region = new Region(regionBytes);
  readonly file: FileSource;

  constructor(fd: number) {
    for (let index = 0; index < regionBytes; index++) this.region.bytes[index] = (index * 31 + (index >> 8)) & 255;
    const residency = { covers: () => true };
    this.file = { fd, residency, mapping: new MappedFile(fd), release: () => this.release() };
  }
  release(): void {
    this.lent--;
  }
  createState(): null {
    return null;
  }
  opened(): void {}
  received(connection: Connection<null>, _bytes: Uint8Array, start: number, end: number): number {
    for (const { file, offset, length } of this.pieces) {
      this.lent++;
      if (file) connection.sendExtent(this.file, offset, length, 0);
      else connection.sendSegment(this.region.address + offset, length, this, 0);
    }
    connection.flush();
    return end - start;
  }
  ended(connection: Connection<null>): void {
    connection.abort();
  }
  drained(connection: Connection<null>): void {
    connection.finish();
  }
  expired(): void {}
  closed(): void {
    this.closedConnections++;
  }
  expected(): Buffer {
    return Buffer.concat(this.pieces.map(({ offset, length }) => Buffer.from(this.region.buffer, offset, length)));
  }
}

interface Bench {
  readonly protocol: ListProtocol;
  readonly listener: Listener<null>;
  readonly path: string;
  readonly port: number;
  close(): Promise<void>;
}

function open(engine: 'uring' | 'epoll'): Bench {
  const directory = mkdtempSync(join(tmpdir(), 'clearway-gather-'));
  const loop = new Loop(engine);
  const fd = listenTcp({ host: '127.0.0.1', port: 0 });
  setNonBlocking(fd, loop.engine.nonBlockingSockets);
  const path = join(directory, 'file');
  const seed = new ListProtocol(-1);
  writeFileSync(path, seed.region.bytes);
  const protocol = new ListProtocol(openSync(path, 'r'));
  const limits = { maxConnections: 64, minRate: 0, rateWindowMs: 1000, backlogLimit: 65536 };
  const listener = new Listener(loop, fd, protocol, limits, 'no');
  loop.attach();
  return {
    protocol,
    listener,
    path,
    port: localAddress(fd).port,
    async close() {
      await new Promise<void>((resolve) => {
        listener.drain(resolve);
        listener.abortAll();
      });
      loop.close();
      closeDescriptor(fd);
      (protocol.file.mapping as MappedFile).unmap();
      closeDescriptor(protocol.file.fd);
      rmSync(directory, { recursive: true });
    },
  };
}

/** Reads what comes, with pauses; leaves after `leaveAfter` bytes. */
async function read(port: number, pauses: readonly number[], leaveAfter = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const socket: Socket = connect({ port, host: '127.0.0.1' });
  const chunks: Buffer[] = [];
  let got = 0;
  socket.write('x');
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer);
    got += (chunk as Buffer).length;
    if (got >= leaveAfter) break;
    const pause = pauses[chunks.length % pauses.length] ?? 0;
    if (pause > 0) await sleep(pause);
  }
  socket.destroy();
  return Buffer.concat(chunks);
}

const pieces = fc.array(
  fc.record({
    file: fc.constantFrom(false, false, false, true),
    offset: fc.oneof(
      fc.integer({ min: 0, max: regionBytes / 2 }),
      fc.integer({ min: windowBytes - 300, max: windowBytes + 300 }),
    ),
    length: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 100_000 })),
  }),
  { minLength: 1, maxLength: 60 },
);

for (const engine of ['uring', 'epoll'] as const) {
  const skip = engineAbsence(engine);
  test(`${engine}: what arrives is the concatenation, whatever the reader's pace`, { skip }, async () => {
    const bench = open(engine);
    try {
      await fc.assert(
        fc.asyncProperty(pieces, fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 5 }), async (list, pauses) => {
          bench.protocol.pieces = list;
          assert.ok((await read(bench.port, pauses)).equals(bench.protocol.expected()));
          assert.equal(bench.protocol.lent, 0);
          assert.equal(messagesLeased(), 0);
        }),
        { numRuns: 30 },
      );
    } finally {
      await bench.close();
    }
  });

  test(`${engine}: a head and many pieces of a film, short, middle and long`, { skip }, async () => {
    const bench = open(engine);
    bench.listener.loop.sendLimits = { messageBelow: 8 * 1024, sendfileFrom: 64 * 1024 };
    try {
      for (const [shortest, longest] of [
        [300, 700],
        [5000, 9000],
        [300, 30_000],
        [30_000, 200_000],
      ] as const) {
        const list: Piece[] = [{ file: false, offset: 5, length: 1000 }];
        let at = 12_345;
        for (let piece = 0; piece < 100 && at < regionBytes - longest; piece++) {
          const length = shortest + ((piece * 7919) % (longest - shortest));
          list.push({ file: true, offset: at, length });
          at += length + 3000 * (piece % 5);
        }
        bench.protocol.pieces = list;
        assert.ok((await read(bench.port, [0, 3])).equals(bench.protocol.expected()), `${shortest} to ${longest}`);
        assert.equal(bench.protocol.lent, 0);
      }
      const { modeBytes } = bench.listener.counts;
      // Nothing is pinned.
      const used = modeBytes.filter((_, mode) => mode !== SendMode.reference);
      assert.ok(
        used.every((bytes) => bytes > 0),
        `every mode: ${modeBytes}`,
      );
    } finally {
      await bench.close();
    }
  });

  test(`${engine}: a file that is cut while a slow reader gets its pieces`, { skip }, async () => {
    const cut = 1_234_567;
    for (const length of [700, 7000, 50_000, 100_000]) {
      const bench = open(engine);
      try {
        const count = Math.floor((regionBytes / (length + 100)) * 0.9);
        bench.protocol.pieces = Array.from({ length: count }, (_, index) => ({
          file: true,
          offset: index * (length + 100),
          length,
        }));
        const expected = bench.protocol.expected();
        const reading = read(bench.port, [20, 0]);
        await sleep(30);
        truncateSync(bench.path, cut);
        const got = await reading;
        assert.ok(got.length < expected.length, `${got.length} bytes of ${expected.length}`);
        // What left by reference and is not read yet the kernel zeroes behind the cut, as for any sendfile; a message has copied.
        const sure = length < 8192 ? got.length : Math.floor(cut / (length + 100)) * length;
        assert.ok(
          got.subarray(0, sure).equals(expected.subarray(0, Math.min(sure, got.length))),
          `pieces of ${length}`,
        );
        assert.equal(bench.listener.counts.truncated, 1);
        assert.equal(bench.protocol.lent, 0);
      } finally {
        await bench.close();
      }
    }
  });

  test(`${engine}: more segments than one call takes`, { skip }, async () => {
    const bench = open(engine);
    try {
      bench.protocol.pieces = Array.from({ length: 5000 }, (_, index) => ({
        file: index === 3000,
        offset: index * 7,
        length: 1 + (index % 150),
      }));
      assert.ok((await read(bench.port, [0, 5])).equals(bench.protocol.expected()));
      assert.equal(bench.protocol.lent, 0);
    } finally {
      await bench.close();
    }
  });

  test(`${engine}: a reader that leaves in the middle leaves nothing lent`, { skip }, async () => {
    const bench = open(engine);
    try {
      for (let run = 0; run < 10; run++) {
        bench.protocol.pieces = Array.from({ length: 200 }, (_, index) => ({
          file: run % 2 === 1 && index % 50 === 49,
          offset: index * 100,
          length: 60_000,
        }));
        await read(bench.port, [0], run * 200_000 + 1);
      }
      for (let wait = 0; wait < 100 && bench.protocol.closedConnections < 10; wait++) await sleep(20);
      assert.equal(bench.protocol.closedConnections, 10);
      assert.equal(bench.protocol.lent, 0);
      assert.equal(messagesLeased(), 0);
    } finally {
      await bench.close();
    }
  });
}

test('the memory of messages is given back, and there is other when it is needed', {
  skip: !platformIsLinux && 'needs Linux',
}, () => {
  /** Whether an address is mapped. */
  const isMapped = (address: number): boolean =>
    readFileSync('/proc/self/maps', 'latin1')
      .split('\n')
      .some((line) => {
        const [from = 0, to = 0] = line
          .split(' ', 1)[0]!
          .split('-')
          .map((each) => Number.parseInt(each, 16));
        return from <= address && address < to;
      });
  for (let round = 0; round < 2; round++) {
    const addresses: number[] = [];
    for (const entries of [1, IOV_MAX]) {
      const message = leaseMessage(entries);
      addresses.push(messageAddress(message));
      releaseMessage(message);
    }
    assert.deepEqual(addresses.map(isMapped), [true, true]);
    unmapMessages();
    // Whatever else is mapped meanwhile may lie there: nothing is, within one step.
    assert.deepEqual(addresses.map(isMapped), [false, false]);
  }
});
