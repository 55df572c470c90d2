// Two stacks over a bad wire, out of a seed: streams of random lengths both ways, closed in a random order. Run by hand for many seeds:
// node dist/test/core/tcp-simulation.js COUNT FIRST-SEED

import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';
import { rowBytes, StackRows } from '../../src/bypass/stack-rows.js';
import { seededRandom } from '../support/seeded-random.js';
import { TcpHost } from './tcp-host.js';
import { Wire, type WireOptions } from './wire.js';

/** One application's half of one connection. */
interface Side {
  readonly host: TcpHost;
  socket: number;
  readonly sends: number;
  readonly expects: number;
  readonly stream: number;
  sent: number;
  got: number;
  hasEnd: boolean;
  isShut: boolean;
  isClosed: boolean;
  /** Where it takes what comes in rows: addresses of those that it keeps. */
  readonly rows: StackRows | undefined;
  isDelivered: boolean;
  readonly kept: number[];
}

/** How a run went. */
export interface Outcome {
  readonly us: number;
  readonly bytes: number;
}

const EAGAIN = -11;

/** What came in rows. Some of them are kept until the next time, and some are not taken: those are received, in order. */
function takeRows(side: Side, rows: StackRows): void {
  const { host, socket, kept } = side;
  if (!side.isDelivered) side.isDelivered = host.core.deliver(socket, 1) === 0;
  for (const address of kept.splice(0)) assert.equal(host.core.recycle(address), 0);
  while (side.got % 7 !== 1 && rows.next()) {
    assert.equal(rows.socket, socket);
    host.check(rows.address, rows.length, 1 - side.stream, side.got);
    side.got += rows.length;
    if (side.got % 3 === 0) kept.push(rows.address);
    else rows.giveBack(rows.address);
    rows.keep();
  }
}

function work(side: Side): void {
  const { host, socket, rows } = side;
  if (side.isClosed || socket < 0) return;
  if (rows !== undefined) takeRows(side, rows);
  while (side.sent < side.sends) {
    const many = host.sendPiece(socket, side.stream, side.sent, side.sends - side.sent);
    if (many === 0) break;
    if (many < 0) throw new Error(`stream ${side.stream}: send ${many}`);
    side.sent += many;
  }
  while (!side.hasEnd) {
    const many = host.takePiece(socket, 1 - side.stream, side.got);
    if (many === EAGAIN || many === -107) break;
    if (many < 0) throw new Error(`stream ${1 - side.stream}: ${many} after ${side.got} of ${side.expects} bytes`);
    if (many === 0) side.hasEnd = true;
    side.got += many;
  }
  if (side.sent === side.sends && !side.isShut) {
    // Before the handshake is done there is nothing to shut.
    side.isShut = host.core.shutdown(socket) === 0;
  }
  if (side.hasEnd && side.isShut) {
    assert.equal(side.got, side.expects, `stream ${1 - side.stream} is whole`);
    for (const address of side.kept) host.core.recycle(address);
    host.core.close(socket);
    side.isClosed = true;
  }
}

function side(host: TcpHost, socket: number, stream: number, sends: number, expects: number, hasRows: boolean): Side {
  const { core, bytes } = host;
  return {
    ...{ host, socket, stream, sends, expects, sent: 0, got: 0, hasEnd: false, isShut: false, isClosed: false },
    ...{ isDelivered: false, kept: [] },
    rows: hasRows ? new StackRows(core, bytes.buffer, bytes.length - rowBytes) : undefined,
  };
}

/** The wire of a seed. */
function wireOf(seed: number): WireOptions {
  const random = seededRandom(seed ^ 0x5eed);
  return {
    seed,
    loss: random() * 0.05,
    duplication: random() * 0.03,
    corruption: random() * 0.02,
    reordering: random() * 0.1,
    delayUs: 50 + Math.floor(random() * 20_000),
  };
}

/** One run. @throws where a byte is wrong, missing, or a frame is lost */
export function simulate(seed: number, wireOptions: WireOptions = wireOf(seed)): Outcome {
  const random = seededRandom(seed);
  const length = (): number => Math.floor(random() ** 3 * 100_000);
  const toServer = length();
  const toClient = length();
  const settings = {
    frameCount: 512,
    connections: 16,
    timeWaitMs: 1000,
    sendFrames: 24,
    congestion: seed & 1,
  } as const;
  const client = new TcpHost({ mac: '02:00:00:00:00:01', ipv4: '10.0.0.1/24', seed: seed * 2, settings, pages: 64 });
  const server = new TcpHost({
    mac: '02:00:00:00:00:02',
    ipv4: '10.0.0.2/24',
    seed: seed * 2 + 1,
    settings,
    pages: 64,
  });
  const listener = server.listen(80);
  const one = side(client, client.connect('10.0.0.2', 80), 0, toServer, toClient, (seed & 2) !== 0);
  const other = side(server, -1, 1, toClient, toServer, (seed & 4) !== 0);
  const wire = new Wire(
    client.end(() => {
      client.events();
      work(one);
    }),
    server.end(() => {
      server.events();
      if (other.socket < 0) other.socket = server.core.accept(listener);
      work(other);
    }),
    wireOptions,
  );
  wire.run(600e6, () => one.isClosed && other.isClosed);
  assert.ok(one.isClosed && other.isClosed, `both ended (sent ${one.sent}/${toServer}, ${other.sent}/${toClient})`);
  const us = wire.nowUs;
  wire.run(us + 200e6);
  for (const host of [client, server]) {
    const { stack, application, transmit, waiting } = host.owners();
    assert.deepEqual({ stack, application, transmit, waiting }, { stack: 0, application: 0, transmit: 0, waiting: 0 });
    assert.equal(host.figure('faultStack'), 0);
  }
  return { us, bytes: toServer + toClient };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const count = Number(process.argv[2] ?? 1000);
  const first = Number(process.argv[3] ?? 1);
  let bad = 0;
  let bytes = 0;
  for (let seed = first; seed < first + count; seed++) {
    try {
      bytes += simulate(seed).bytes;
    } catch (error) {
      bad++;
      if (bad <= 20) console.log(`seed ${seed}: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  console.log(`${count} runs from seed ${first} on: ${bad} bad, ${bytes} bytes`);
  process.exitCode = bad === 0 ? 0 : 1;
}
