// Ping-pong over TCP through our own TCP/IP, a process of its own, one message under way: the server's side, or the client's. The engine looks for packets without end.
// latency-ours serve DEVICE ADDRESS/LENGTH PORT BYTES | ask DEVICE ADDRESS/LENGTH PORT BYTES HOST ROUNDS

import { performance } from 'node:perf_hooks';
import { BypassDevice } from '../../src/bypass/bypass-device.js';
import type { BypassEngine } from '../../src/bypass/bypass-engine.js';
import { planBypass } from '../../src/bypass/bypass-plan.js';
import { openQueue } from '../../src/bypass/open.js';
import type { EngineEvents } from '../../src/engine/engine.js';
import { openEngine } from '../../src/transport/open-engine.js';

/** Looked for packets so long before the kernel is waited in: longer than any pause here. */
const pollUs = 60_000_000;
const token = 1;

const nothing: EngineEvents = {
  waited: () => {},
  accepted: () => {},
  received: () => {},
  sent: () => {},
  writable: () => {},
  readable: () => {},
  fetched: () => {},
  moved: () => {},
};

function open(device: string, address: string): BypassEngine {
  const plan = planBypass({ device, addresses: [address], pollUs });
  const { engine, link } = openQueue(plan, 0, openEngine('epoll'));
  new BypassDevice(plan).bring([{ queue: 0, fd: link.descriptor }]);
  return engine;
}

/** Takes what came, and answers once a message is whole. @param whole called with the message's beginning in the engine's memory */
function taker(engine: BypassEngine, bytes: number, whole: (at: number) => void) {
  let got = 0;
  return (result: number, frame: number): void => {
    if (result <= 0) process.exit(0);
    got += result;
    if (got >= bytes) {
      got = 0;
      whole(frame);
    }
    engine.recycle(frame);
  };
}

function serve(engine: BypassEngine, host: string, port: number, bytes: number): never {
  let peer = -1;
  const answer = new Uint8Array(bytes);
  const take = taker(engine, bytes, (at) => {
    answer.set(engine.receiveBytes.subarray(at, at + bytes));
    engine.sendBytes(peer, answer, 0);
  });
  const events = {
    ...nothing,
    accepted: (_token: number, fd: number) => {
      peer = fd;
      engine.receive(token, fd);
    },
    received: (_token: number, result: number, frame: number) => take(result, frame),
  };
  engine.accept(0, engine.listen(host, port, 1));
  console.log('ready');
  for (;;) engine.turn(-1, events);
}

function ask(engine: BypassEngine, from: string, host: string, port: number, bytes: number, rounds: number): void {
  const took = new Float64Array(rounds);
  const message = new Uint8Array(bytes);
  let round = -Math.floor(rounds / 10);
  let started = 0;
  const begin = (): void => {
    message[0] = round & 0xff;
    started = performance.now();
    engine.sendBytes(fd, message, 0);
  };
  const take = taker(engine, bytes, (at) => {
    const now = performance.now();
    if (engine.receiveBytes[at] !== (round & 0xff)) throw new Error('another answer');
    if (round >= 0) took[round] = (now - started) * 1e6;
    if (++round < rounds) begin();
  });
  const events = {
    ...nothing,
    writable: (_token: number, result: number) => {
      if (result < 0) throw new Error(`no connection: ${result}`);
      engine.receive(token, fd);
      begin();
    },
    received: (_token: number, result: number, frame: number) => take(result, frame),
  };
  const fd = engine.connect(from, host, port);
  engine.awaitWritable(token, fd);
  while (round < rounds) engine.turn(-1, events);
  took.sort();
  console.log(JSON.stringify({ p50Ns: took[rounds >> 1], p99Ns: took[Math.floor(rounds * 0.99)] }));
  process.exit(0);
}

const [role, device = '', address = '', port = '', bytes = '', host = '', rounds = ''] = process.argv.slice(2);
const engine = open(device, address);
const own = address.split('/')[0]!;
if (role === 'serve') serve(engine, own, Number(port), Number(bytes));
else ask(engine, own, host, Number(port), Number(bytes), Number(rounds));
