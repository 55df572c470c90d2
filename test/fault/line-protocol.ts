// A tiny protocol for the fault tests: a line is a request, and its answer is made of the pieces the line names. What
// the peer must get can be computed from the lines alone, and everything the connection calls is checked for order.
// Not here: what goes wrong and when (the tests, through the fake engine's script).

import assert from 'node:assert/strict';
import { FakeEngine, type FakePeer, type FaultScript, noFaults } from '../../src/engine/fake.js';
import { Region } from '../../src/memory/region.js';
import type { Connection, Protocol } from '../../src/transport/connection.js';
import { Listener, type ListenerLimits } from '../../src/transport/listener.js';
import { Loop } from '../../src/transport/loop.js';
import type { FileMapping, FileSource, Lender, PinnedSource } from '../../src/transport/output.js';

/**
 * A request: pieces of its answer, and how it is given. `segment` and `extent` are lengths; `later` keeps the connection
 * busy for so many turns first; `last` ends the connection after the answer.
 */
export interface Request {
  readonly pieces: ReadonlyArray<{ readonly kind: 'segment' | 'extent'; readonly length: number }>;
  readonly later: number;
  readonly last: boolean;
}

/** The line of a request. */
export function lineOf(request: Request): string {
  const pieces = request.pieces.map(({ kind, length }) => `${kind === 'segment' ? 's' : 'f'}${length}`);
  return `${pieces.join(',')} ${request.later} ${request.last ? 'last' : 'more'}\n`;
}

function parseLine(line: string): Request {
  const [pieces = '', later = '0', end = ''] = line.split(' ');
  const parsed = pieces === '' ? [] : pieces.split(',');
  return {
    pieces: parsed.map((piece) => ({ kind: piece[0] === 's' ? 'segment' : 'extent', length: Number(piece.slice(1)) })),
    later: Number(later),
    last: end === 'last',
  };
}

/** Bytes that differ from place to place, so that a shift by any number of bytes shows. */
function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = (index * 7 + (index >>> 8) * 13 + seed) & 0xff;
  return bytes;
}

/** The longest segment, and what is usual for extents. */
export const mostBytes = 8192;
const memory = new Region(mostBytes);
memory.bytes.set(pattern(mostBytes, 3));
/** What extents are ranges of. */
export const fileBytes = pattern(200_000, 101);

/** Where the pieces of an answer begin, so that two answers of the same shape differ. */
function pieceStart(request: number, piece: number, length: number): number {
  const room = length <= mostBytes ? mostBytes : fileBytes.length;
  return (request * 31 + piece * 17) % (room - length + 1);
}

/** What the peer must get for these requests, up to the one that ends the connection. */
export function answerTo(requests: readonly Request[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [number, request] of requests.entries()) {
    for (const [piece, { kind, length }] of request.pieces.entries()) {
      const start = pieceStart(number, piece, length);
      parts.push((kind === 'segment' ? memory.bytes : fileBytes).subarray(start, start + length));
    }
    if (request.last) break;
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** Counts what was lent; fails when it comes back twice. */
class Lending implements Lender {
  readonly out = new Set<number>();
  next = 0;
  /** Called at each release. */
  released: (() => void) | undefined;

  lend(): number {
    this.out.add(this.next);
    return this.next++;
  }

  release(cookie: number): void {
    assert.ok(this.out.delete(cookie), `cookie ${cookie} was released twice`);
    this.released?.();
  }
}

/** The file's bytes, pinned: counts who refers to them. */
export class Pinned implements PinnedSource {
  references = 0;
  readonly #mapping: FileMapping;

  constructor(mapping: FileMapping) {
    this.#mapping = mapping;
  }

  address(offset: number): number {
    return this.#mapping.address(offset);
  }

  room(offset: number): number {
    return this.#mapping.room(offset);
  }

  buffer(): number {
    return -1;
  }

  retain(): void {
    this.references++;
  }

  release(): void {
    this.references--;
    assert.ok(this.references >= 0, 'released more often than referred to');
  }
}

/** What one connection is in the eyes of the protocol. */
export class LineState {
  number = 0;
  /** Which of the connections of this object it is. */
  generation = 0;
  phase: 'new' | 'open' | 'closed' = 'new';
  drains = 0;
  ended = false;
  /** The connection's own turn: a request whose answer is under way. */
  answering = false;
}

/** Answers lines, and checks the order in which it is called. */
export class LineProtocol implements Protocol<LineState> {
  readonly lending = new Lending();
  readonly file: FileSource & { readonly lending: Lending; pinned?: PinnedSource; isChanged?: boolean };
  /** Called on entry to every callback, with its name. */
  called: ((name: string, connection: Connection<LineState>) => void) | undefined;
  /** Called instead of the default when a deadline passed. */
  expire: (connection: Connection<LineState>) => void = (connection) => connection.abort();
  /** The most bytes that were offered at once. */
  mostOffered = 0;
  closes = 0;
  readonly open = new Set<Connection<LineState>>();
  readonly #loop: Loop;
  #within = 0;

  constructor(loop: Loop, file: number, mapping: FileMapping, covers: (offset: number, length: number) => boolean) {
    this.#loop = loop;
    const lending = new Lending();
    const residency = { covers: (_fd: number, offset: number, length: number) => covers(offset, length) };
    this.file = { fd: file, residency, mapping, lending, release: (cookie) => lending.release(cookie) };
  }

  createState(): LineState {
    return new LineState();
  }

  #enter(name: string, connection: Connection<LineState>): void {
    const { state } = connection;
    if (name === 'opened') assert.notEqual(state.phase, 'open', 'opened twice');
    else assert.equal(state.phase, 'open', `${name} on a connection that is ${state.phase}`);
    if (name !== 'closed') assert.ok(!connection.gone, `${name} after abort()`);
    if (name === 'received' || name === 'ended') {
      assert.ok(!connection.closing, `${name} on a connection on its way out`);
      assert.ok(!connection.busy, `${name} while busy`);
      assert.ok(!connection.sending, `${name} while an answer is under way`);
      assert.ok(!state.ended, `${name} after the end`);
    }
    if (name === 'drained' || name === 'received') assert.equal(this.#within, 0, `${name} within received`);
    this.called?.(name, connection);
  }

  opened(connection: Connection<LineState>): void {
    connection.state.number = 0;
    connection.state.generation++;
    connection.state.drains = 0;
    connection.state.ended = false;
    connection.state.answering = false;
    this.#enter('opened', connection);
    connection.state.phase = 'open';
    this.open.add(connection);
  }

  received(connection: Connection<LineState>, bytes: Uint8Array, start: number, end: number): number {
    this.#enter('received', connection);
    this.#within++;
    this.mostOffered = Math.max(this.mostOffered, end - start);
    try {
      const newline = bytes.indexOf(10, start);
      if (newline < 0 || newline >= end) return 0;
      const request = parseLine(Buffer.from(bytes.subarray(start, newline)).toString('latin1'));
      assert.equal(connection.state.answering, false, 'a request while another is being answered');
      const number = connection.state.number++;
      if (request.later > 0) {
        this.#answerLater(connection, request, number);
      } else {
        this.#answer(connection, request, number);
        // Not needed here, and must do no harm.
        connection.resume();
      }
      return newline + 1 - start;
    } finally {
      this.#within--;
    }
  }

  #answerLater(connection: Connection<LineState>, request: Request, number: number): void {
    connection.busy = true;
    const { state } = connection;
    const { generation } = state;
    let turns = request.later;
    const step = (): void => {
      // As a file that was being opened: the connection may be gone, or another one, by now.
      if (state.generation !== generation || state.phase !== 'open') return;
      if (--turns > 0) {
        this.#loop.nextTurn(step);
        return;
      }
      connection.busy = false;
      this.#answer(connection, request, number);
      connection.resume();
    };
    this.#loop.nextTurn(step);
  }

  #answer(connection: Connection<LineState>, request: Request, number: number): void {
    // Every other answer has its extents queued as lists, one of those that follow one another.
    const listed = number % 2 === 0;
    const { pieces } = request;
    for (const [piece, { kind, length }] of pieces.entries()) {
      if (listed && kind === 'extent') {
        if (pieces[piece - 1]?.kind !== 'extent') this.#sendListed(connection, request, number, piece);
        continue;
      }
      const start = pieceStart(number, piece, length);
      if (kind === 'segment') {
        connection.sendSegment(memory.address + start, length, this.lending, this.lending.lend());
      } else {
        connection.sendExtent(this.file, start, length, this.file.lending.lend());
      }
    }
    if (connection.sending) connection.state.answering = true;
    connection.endFollows = request.last;
    connection.flush();
    if (!request.last) return;
    connection.finish();
    // Nothing follows what was said to be the last.
    connection.sendSegment(memory.address, 5, this.lending, this.lending.lend());
    connection.sendExtent(this.file, 0, 5, this.file.lending.lend());
    connection.flush();
  }

  #sendListed(connection: Connection<LineState>, { pieces }: Request, number: number, from: number): void {
    const end = pieces.findIndex(({ kind }, piece) => piece > from && kind === 'segment');
    const listed = pieces
      .map(({ length }, piece) => [pieceStart(number, piece, length), length] as const)
      .slice(from, end < 0 ? pieces.length : end);
    // A piece of no bytes is none.
    const places = listed.filter(([, length]) => length > 0).flat();
    if (places.length === 0) return;
    const bytes = listed.reduce((sum, [, length]) => sum + length, 0);
    const { lending } = this.file;
    const cookie = lending.lend();
    // The same file, lent once for all of them.
    const file = Object.assign(Object.create(this.file) as FileSource, { release: () => lending.release(cookie) });
    connection.sendPieces(file, Float64Array.from(places), bytes);
  }

  ended(connection: Connection<LineState>): void {
    this.#enter('ended', connection);
    connection.state.ended = true;
    connection.finish();
  }

  drained(connection: Connection<LineState>): void {
    this.#enter('drained', connection);
    assert.ok(!connection.sending, 'drained with output left');
    connection.state.answering = false;
    connection.state.drains++;
  }

  expired(connection: Connection<LineState>): void {
    this.#enter('expired', connection);
    this.expire(connection);
  }

  closed(connection: Connection<LineState>): void {
    this.#enter('closed', connection);
    assert.equal(connection.fd, -1, 'closed() comes after the descriptor is closed');
    connection.state.phase = 'closed';
    this.open.delete(connection);
    this.closes++;
  }
}

/** Limits that limit nothing. */
export const wideLimits: ListenerLimits = {
  maxConnections: 100,
  minRate: 0,
  rateWindowMs: 1000,
  backlogLimit: 1024,
};

/** A loop over the fake engine with a listener and a clock that only the test moves. */
export class World {
  readonly engine: FakeEngine;
  readonly loop: Loop;
  readonly protocol: LineProtocol;
  readonly listener: Listener<LineState>;
  readonly listening: number;
  readonly file: number;
  nowMs = 1000;
  readonly pinned: Pinned;
  /** Whether the file's pages are in memory. */
  resident: (offset: number, length: number) => boolean = () => true;

  constructor(script: FaultScript = noFaults, limits: Partial<ListenerLimits> = {}, sendsAtOnce = false, pairs = true) {
    this.engine = new FakeEngine({ script, sendsAtOnce, pairs });
    this.loop = new Loop(this.engine, () => this.nowMs);
    this.file = this.engine.openFile(fileBytes);
    const mapping = this.engine.mapFile(this.file);
    this.pinned = new Pinned(mapping);
    this.protocol = new LineProtocol(this.loop, this.file, mapping, (offset, length) => this.resident(offset, length));
    this.listening = this.engine.listen();
    this.listener = new Listener(this.loop, this.listening, this.protocol, { ...wideLimits, ...limits }, 'full\n');
  }

  /** Has the file sent by reference where it would be by sendfile. */
  pin(): void {
    this.protocol.file.pinned = this.pinned;
  }

  connect(): FakePeer {
    return this.engine.connect(this.listening);
  }

  /** One turn, `ms` later. */
  turn(ms = 1): void {
    this.nowMs += ms;
    this.loop.turn(0);
  }

  /** Turns until the condition holds. @throws AssertionError after many turns without. */
  until(condition: () => boolean, what: string, most = 4000): void {
    for (let turns = 0; !condition(); turns++) {
      assert.ok(turns < most, `${what}: not after ${most} turns; ${this.engine.leaks().join(', ')}`);
      this.turn();
    }
  }

  /** Ends everything and holds the world to having everything back. */
  end(): void {
    // Closing connections wait for their peers (2 s), and what was cancelled for its end.
    let drained = 0;
    this.listener.drain(() => drained++);
    for (let turns = 0; drained === 0 && turns < 100; turns++) this.turn(500);
    if (drained === 0) this.listener.abortAll();
    this.until(() => drained > 0, 'drain');
    for (let turns = 0; turns < 20; turns++) this.turn();
    assert.equal(drained, 1, 'drain reports once');
    assert.equal(this.listener.connections, 0);
    assert.deepEqual([...this.protocol.lending.out], [], 'segments not released');
    assert.deepEqual([...this.protocol.file.lending.out], [], 'extents not released');
    assert.equal(this.pinned.references, 0, 'pinned memory that is referred to');
    assert.equal(this.engine.zeroCopy.awaited, 0, 'notices that are awaited');
    this.engine.closeFile(this.file);
    // What is left is the watch of the loop's waker.
    assert.deepEqual(
      this.engine.leaks().filter((leak) => !leak.startsWith('watch')),
      [],
    );
    assert.equal(this.engine.operations, 1);
    this.loop.close();
  }
}
