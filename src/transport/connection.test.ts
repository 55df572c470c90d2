// Connections over real engines and real sockets: what a peer's kernel makes of how we end. Faults of every kind are
// tested over the fake engine (test/fault/).

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { engineAbsence } from '../../test/support/engine-absence.js';
import { until } from '../../test/support/until.js';
import { Errno } from '../kernel/errno.js';
import { scratch } from '../kernel/memory.js';
import {
  closeDescriptor,
  connectTcp,
  listenTcp,
  localAddress,
  receive,
  send,
  setNonBlocking,
} from '../kernel/socket.js';
import { unixStreamPair } from '../kernel/socket-pair.js';
import { Region } from '../memory/region.js';
import type { Connection, Protocol } from './connection.js';
import { Listener, type ListenerLimits } from './listener.js';
import { Loop } from './loop.js';

const answerBytes = 100_000;

/** A line `N` is answered with N bytes; `last` with as many as all memory holds, and is the last. */
class Lines implements Protocol<null> {
  readonly region = new Region(answerBytes);
  ends = 0;
  constructor() {
    this.region.bytes.fill(120);
  }
  createState(): null {
    return null;
  }
  opened(): void {}
  received(connection: Connection<null>, bytes: Uint8Array, start: number, end: number): number {
    const newline = bytes.indexOf(10, start);
    if (newline < 0 || newline >= end) return 0;
    const line = Buffer.from(bytes.subarray(start, newline)).toString();
    connection.sendSegment(this.region.address, line === 'last' ? answerBytes : Number(line), undefined, 0);
    connection.flush();
    if (line === 'last') connection.finish();
    return newline + 1 - start;
  }
  ended(connection: Connection<null>): void {
    this.ends++;
    connection.finish();
  }
  drained(): void {}
  expired(): void {}
  closed(): void {}
}

interface Ended {
  readonly bytes: number;
  readonly error: string | undefined;
}

/** Reads until the end, or an error. */
function readToEnd(socket: Socket): Promise<Ended> {
  return new Promise((resolve) => {
    let bytes = 0;
    let error: string | undefined;
    socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
    socket.on('error', (cause: NodeJS.ErrnoException) => {
      error = cause.code;
    });
    socket.on('close', () => resolve({ bytes, error }));
  });
}

for (const name of ['uring', 'epoll'] as const) {
  describe(`connections over ${name}`, { skip: engineAbsence(name) }, () => {
    async function withListener(
      limits: Partial<ListenerLimits>,
      work: (world: { loop: Loop; listener: Listener<null>; lines: Lines; port: number }) => Promise<void>,
    ): Promise<void> {
      const loop = new Loop(name);
      const fd = listenTcp({ host: '127.0.0.1', port: 0, nonBlocking: loop.engine.nonBlockingSockets });
      const lines = new Lines();
      const wide = { maxConnections: 1000, minRate: 0, rateWindowMs: 1000, backlogLimit: 4096 };
      const listener = new Listener(loop, fd, lines, { ...wide, ...limits }, 'full\n');
      loop.attach();
      try {
        await work({ loop, listener, lines, port: localAddress(fd).port });
      } finally {
        await new Promise<void>((resolve) => {
          listener.drain(resolve);
          listener.abortAll();
        });
        assert.equal(loop.engine.framesLent, 0);
        loop.close();
        closeDescriptor(fd);
        lines.region.unmap();
      }
    }

    test('the last answer arrives whole though the peer sends on, and the end is no reset', async () => {
      await withListener({}, async ({ port }) => {
        for (let round = 0; round < 20; round++) {
          const socket = connect({ port, host: '127.0.0.1' });
          const ended = readToEnd(socket);
          socket.write(`last\n${'x'.repeat(round * 5000)}`);
          assert.deepEqual(await ended, { bytes: answerBytes, error: undefined });
        }
      });
    });

    test('a peer that half-closes gets the answers to everything it had sent', async () => {
      await withListener({}, async ({ lines, port }) => {
        const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
        const ended = readToEnd(socket);
        socket.end('100000\n'.repeat(30));
        socket.on('end', () => socket.destroy());
        assert.deepEqual(await ended, { bytes: 3_000_000, error: undefined });
        assert.equal(lines.ends, 1);
      });
    });

    test('who is turned away reads why, and no reset, also when its request was on the way', async () => {
      await withListener({ maxConnections: 1 }, async ({ listener, port }) => {
        const first = connect({ port, host: '127.0.0.1' });
        first.write('1\n');
        await new Promise((resolve) => first.once('data', resolve));
        const place = scratch(1024);
        place.bytes.fill(53, place.offset, place.offset + 1000);
        // Connected and written to before the listener has its turn.
        const sockets = Array.from({ length: 10 }, () => {
          const fd = connectTcp({ host: '127.0.0.1', port });
          assert.equal(send(fd, place.address, 1000, 0), 1000);
          setNonBlocking(fd, true);
          return fd;
        });
        for (const fd of sockets) {
          const came: number[] = [];
          const isOver = (): boolean => {
            const received = receive(fd, scratch(64).address, 64);
            if (received !== -Errno.EAGAIN) came.push(received);
            return received <= 0 && received !== -Errno.EAGAIN;
          };
          await until('what it reads', isOver);
          assert.deepEqual(came, [5, 0], 'why, then the end');
          closeDescriptor(fd);
        }
        assert.equal(listener.counts.refused, 10);
        first.destroy();
      });
    });

    test('a socket of our own is taken in beyond the limit, and counted as nothing', async () => {
      await withListener({ maxConnections: 0 }, async ({ loop, listener }) => {
        const [ours, theirs] = unixStreamPair();
        listener.adopt(theirs);
        assert.equal(listener.connections, 1);
        const place = scratch(64);
        place.data.setUint16(place.offset, 0x370a);
        assert.equal(send(ours, place.address, 2, 0), 2);
        let received = 0;
        for (let wait = 0; received !== 7 && wait < 500; wait++) {
          await new Promise((resolve) => setTimeout(resolve, 10));
          received = receive(ours, place.address, 64);
        }
        assert.equal(received, 7, 'the answer');
        loop.engine.closeSocket(ours);
        const { accepted, refused } = listener.counts;
        assert.deepEqual({ accepted, refused }, { accepted: 0, refused: 0 });
      });
    });

    test('hundreds of connections that end at random leave no descriptor and no frame', async () => {
      const descriptors = (): number => readdirSync('/proc/self/fd').length;
      await withListener({}, async ({ listener, port }) => {
        let before = 0;
        for (let round = 0; round < 6; round++) {
          await Promise.all(
            Array.from({ length: 60 }, async (_, index) => {
              const socket = connect({ port, host: '127.0.0.1' });
              const ended = readToEnd(socket);
              socket.write(index % 3 === 0 ? '100000\n'.repeat(20) : index % 3 === 1 ? '50000\nlast\n' : '7');
              const leave = (): void => {
                if (index % 2 === 0) socket.resetAndDestroy();
                else socket.destroy();
              };
              setTimeout(leave, (index * 7 + round) % 40);
              await ended;
            }),
          );
          for (let wait = 0; listener.connections > 0 && wait < 500; wait++) {
            await new Promise((resolve) => setTimeout(resolve, 10));
          }
          assert.equal(listener.connections, 0);
          // The first round makes what is kept.
          if (round === 0) before = descriptors();
        }
        assert.ok(descriptors() <= before, `${descriptors()} descriptors, ${before} before`);
      });
    });
  });
}
