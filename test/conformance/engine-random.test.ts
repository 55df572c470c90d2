// Random operations on every engine: whatever is begun, stopped, cancelled and switched, in whatever order, each operation
// ends once, and what arrives is what was taken, byte for byte, in both directions.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Errno } from '../../src/kernel/errno.js';
import type { Region } from '../../src/memory/region.js';
import { repeated } from '../support/long.js';
import { Bench, engineNames, Gathered, type Peer, patternRegion, skipReason } from './bench.js';

const stepKinds = [
  'receive',
  'stop',
  'cancel',
  'send',
  'sendNow',
  'awaitWritable',
  'direct',
  'turn',
  'peerWrites',
  'peerReads',
] as const;
type Step = { readonly kind: (typeof stepKinds)[number]; readonly line: number; readonly amount: number };

/** Byte `p` of every stream is byte `p` modulo this of the pattern, which lies twice in memory. */
const period = 1 << 18;
const lines = 3;

function streamPattern(): Region {
  const region = patternRegion(2 * period);
  region.bytes.copyWithin(period, 0, period);
  return region;
}

/** True when the bytes are those of a stream's beginning. */
function isStream(bytes: Uint8Array, pattern: Uint8Array): boolean {
  for (let start = 0; start < bytes.length; start += period) {
    const part = bytes.subarray(start, start + period);
    if (Buffer.compare(part, pattern.subarray(0, part.length)) !== 0) return false;
  }
  return true;
}

/** One connection, and how far its two streams are. */
class Line {
  readonly read = new Gathered();
  sent = 0;
  written = 0;
  direct = false;

  constructor(
    readonly bench: Bench,
    readonly pattern: Region,
    readonly token: number,
    readonly fd: number,
    readonly peer: Peer,
  ) {}

  do({ kind, amount }: Step): void {
    const { fd, peer, token } = this;
    const { engine, recorder } = this.bench;
    const idle = !recorder.isUnderWay('send', token) && !recorder.isUnderWay('writable', token);
    const place = this.pattern.address + (this.sent % period);
    switch (kind) {
      case 'receive':
        if (!recorder.isUnderWay('receive', token) && !this.direct) recorder.receive(token, fd);
        return;
      case 'stop':
        engine.stopReceive(token, fd);
        return;
      case 'cancel':
        engine.cancel(token, fd);
        return;
      case 'send':
        if (idle) recorder.send(token, fd, place, amount * 2000 + 1);
        return;
      case 'sendNow':
        if (idle) this.#sendNow(place, amount * 100 + 1);
        return;
      case 'awaitWritable':
        if (idle) recorder.awaitWritable(token, fd);
        return;
      case 'direct':
        this.direct = !this.direct;
        engine.directCalls(fd, this.direct);
        return;
      case 'turn':
        engine.turn(0, recorder);
        return;
      case 'peerWrites': {
        const start = this.written % period;
        this.written += peer.write(this.pattern.bytes.subarray(start, start + amount * 50 + 1));
        return;
      }
      case 'peerReads':
        this.read.add(peer.read(amount * 1000));
    }
  }

  #sendNow(place: number, length: number): void {
    const taken = this.bench.engine.sendNow(this.fd, place, length, 0);
    if (taken > 0) this.sent += taken;
    else assert.equal(taken, -Errno.EAGAIN);
  }
}

function run(bench: Bench, pattern: Region, plan: readonly Step[]): void {
  const { engine, recorder } = bench;
  const all = bench.connect(lines).map(({ fd, peer }, token) => new Line(bench, pattern, token, fd, peer));
  recorder.on = ({ kind, token, result, more }) => {
    if (kind === 'send' && result > 0) all[token]!.sent += result;
    if (kind === 'send' && result <= 0)
      assert.ok([-Errno.ECANCELED, -Errno.EAGAIN].includes(result), `send: ${result}`);
    if (kind === 'receive' && result <= 0) {
      assert.ok([-Errno.ECANCELED, -Errno.EAGAIN, -Errno.ENOBUFS].includes(result), `receive: ${result}`);
      assert.equal(more, false);
    }
  };
  for (const step of plan) all[step.line]!.do(step);
  for (const line of all) {
    if (line.direct) engine.directCalls(line.fd, false);
    engine.cancel(line.token, line.fd);
  }
  recorder.until(() => recorder.underWay === 0, 'every end');
  for (const line of all) {
    recorder.receive(line.token, line.fd);
    recorder.until(() => {
      line.read.add(line.peer.read());
      if (!recorder.isUnderWay('receive', line.token)) recorder.receive(line.token, line.fd);
      return line.read.length >= line.sent && recorder.length(line.token) >= line.written;
    }, 'what is on its way');
    assert.equal(line.read.length, line.sent, 'the peer got what was taken, and no more');
    assert.equal(recorder.length(line.token), line.written);
    assert.ok(isStream(line.read.bytes, pattern.bytes), 'bytes sent');
    assert.ok(isStream(recorder.bytes(line.token), pattern.bytes), 'bytes received');
  }
}

const plans = fc.array(
  fc.record({
    kind: fc.constantFrom(...stepKinds, 'turn' as const, 'turn' as const),
    line: fc.nat(lines - 1),
    amount: fc.nat(100),
  }),
  { maxLength: 150 },
);

for (const name of engineNames) {
  describe(`random operations on the ${name} engine`, { skip: skipReason(name) }, () => {
    test('each ends once, and both streams are whole', () => {
      const pattern = streamPattern();
      fc.assert(
        fc.property(plans, fc.boolean(), (plan, scarce) => {
          const bench = new Bench(name, scarce ? { frames: 4, frameBytes: 512, entries: 4 } : {});
          run(bench, pattern, plan);
          bench.end();
        }),
        { numRuns: repeated(60) },
      );
      pattern.unmap();
    });
  });
}
