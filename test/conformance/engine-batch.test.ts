// Streams that are read and answered together, by lists of calls: whoever is answered, cancelled or full among many, each operation ends
// once, and what arrives is what was taken.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MSG, SO, SOL } from '../../src/kernel/constants.js';
import { Errno } from '../../src/kernel/errno.js';
import { setSocketOption } from '../../src/kernel/socket.js';
import type { Region } from '../../src/memory/region.js';
import { Bench, Gathered, type Peer, patternRegion, skipReason } from './bench.js';

/** More than a list holds. */
const lines = 40;
const period = 1 << 16;

/** One connection: what its engine's end sent of the pattern, and what the peer read. */
class Line {
  readonly got = new Gathered();
  sent = 0;
  /** Bytes of the send under way. */
  asked = 0;
  gone = false;

  constructor(
    readonly fd: number,
    readonly peer: Peer,
  ) {}
}

/** Connections that are received from, with tokens from 0 on. */
function open(bench: Bench): Line[] {
  const all = bench.connect(lines).map(({ fd, peer }) => new Line(fd, peer));
  all.forEach(({ fd }, token) => void bench.recorder.receive(token, fd));
  bench.recorder.settle();
  return all;
}

/** Each peer asks. */
function ask(all: readonly Line[]): void {
  for (const { peer, gone } of all) if (!gone) assert.equal(peer.write(Buffer.from('ask')), 3);
}

/** Holds a socket to a small buffer: the kernel's own grows when it is full and the peer says something. */
function narrow({ fd }: Line): void {
  assert.equal(setSocketOption(fd, SOL.SOCKET, SO.SNDBUF, 16 * 1024), 0);
}

/** Sends until the socket stays full, whatever the peer acknowledges with what it says. */
function fill({ engine, recorder }: Bench, line: Line, pattern: Region): void {
  narrow(line);
  for (let refused = 0; refused < 3; ) {
    if (engine.sendNow(line.fd, pattern.address, period, 0) > 0) {
      refused = 0;
      continue;
    }
    refused++;
    assert.equal(line.peer.write(Buffer.from('.')), 1);
    recorder.settle();
  }
}

for (const name of ['listed', 'submitted'] as const) {
  describe(`the epoll engine with many ready streams, ${name}`, { skip: skipReason(name) }, () => {
    test('what is sent in answer is collected and sent together', () => {
      const bench = new Bench(name);
      const { engine, recorder } = bench;
      const pattern = patternRegion(period);
      const all = open(bench);
      const collects = new Set<boolean>();
      recorder.on = ({ kind, token }) => {
        if (kind !== 'receive') return;
        collects.add(engine.sendsAtOnce(0));
        recorder.send(token, all[token]!.fd, pattern.address + token, 100);
      };
      assert.equal(engine.sendsAtOnce(0), true);
      ask(all);
      recorder.until(() => all.every((_line, token) => recorder.length(token) === 3), 'every question');
      assert.equal(engine.sendsAtOnce(0), true);
      recorder.until(() => all.every((_line, token) => recorder.last('send', token)?.result === 100), 'every answer');
      assert.deepEqual([...collects], [false]);
      all.forEach(({ peer }, token) => {
        assert.deepEqual([...peer.read()], [...pattern.bytes.subarray(token, token + 100)]);
      });
      bench.end();
      pattern.unmap();
    });

    test('a stream that is full among them waits for room, and the others do not wait for it', () => {
      const bench = new Bench(name);
      const { recorder } = bench;
      const pattern = patternRegion(period);
      const all = open(bench);
      const full = all[5]!;
      fill(bench, full, pattern);
      recorder.on = ({ kind, token }) => {
        if (kind === 'receive') recorder.send(token, all[token]!.fd, pattern.address, 100);
      };
      ask(all);
      const others = all.map((_line, token) => token).filter((token) => all[token] !== full);
      recorder.until(() => others.every((token) => recorder.last('send', token)?.result === 100), 'the others');
      assert.ok(recorder.isUnderWay('send', 5), 'nobody made room');
      recorder.until(() => {
        full.peer.read();
        return recorder.last('send', 5)?.result === 100;
      }, 'the one that was full');
      bench.end();
      pattern.unmap();
    });

    test('one that is cancelled right after it was answered ends, sent or not', () => {
      const bench = new Bench(name);
      const { engine, recorder } = bench;
      const pattern = patternRegion(period);
      const all = open(bench);
      fill(bench, all[5]!, pattern);
      recorder.on = ({ kind, token, result }) => {
        if (kind !== 'receive' || result <= 0) return;
        recorder.send(token, all[token]!.fd, pattern.address, 100);
        engine.cancel(token, all[token]!.fd, true);
      };
      ask(all);
      recorder.until(() => recorder.underWay === 0, 'every end');
      all.forEach(({ fd }, token) => {
        const { result } = recorder.last('send', token)!;
        assert.equal(result, token === 5 ? -Errno.ECANCELED : 100, `${token}`);
        assert.equal(recorder.last('receive', token)?.result, -Errno.ECANCELED);
        bench.closeSocket(fd);
      });
      bench.end();
      pattern.unmap();
    });

    test('peers that are gone, with a reset or an end, are the end of what is sent to them and of nothing else', () => {
      const bench = new Bench(name);
      const { recorder } = bench;
      const pattern = patternRegion(period);
      const all = open(bench);
      recorder.on = ({ kind, token, result }) => {
        if (kind === 'receive' && result > 0) recorder.send(token, all[token]!.fd, pattern.address, 100);
      };
      // Their reset comes before they are answered.
      const reset = all.map((_line, token) => token).filter((token) => token % 3 === 0);
      for (const token of reset) {
        assert.equal(all[token]!.peer.write(Buffer.from('ask')), 3);
        all[token]!.peer.reset();
      }
      const others = all.map((_line, token) => token).filter((token) => token % 3 !== 0);
      ask(others.map((token) => all[token]!));
      recorder.until(() => others.every((token) => recorder.last('send', token) !== undefined), 'every answer');
      for (const token of others) assert.equal(recorder.last('send', token)!.result, 100);
      recorder.until(() => reset.every((token) => (recorder.last('receive', token)?.result ?? 1) <= 0), 'every end');
      for (const token of reset) {
        // Nothing is received of what a reset took away; a send to it is an error, and no signal.
        recorder.on = undefined;
        recorder.send(token, all[token]!.fd, pattern.address, 100);
        recorder.until(() => !recorder.isUnderWay('send', token), 'the end of a send to nobody');
        assert.ok([-Errno.EPIPE, -Errno.ECONNRESET].includes(recorder.last('send', token)!.result));
      }
      bench.end();
      pattern.unmap();
    });

    test('many that end with their answer are closed by the end of the turn, and each peer has all of it', () => {
      const bench = new Bench(name);
      const { engine, recorder } = bench;
      const pattern = patternRegion(period);
      const all = open(bench);
      const answered = new Set<number>();
      recorder.on = ({ kind, token, result }) => {
        const { fd } = all[token]!;
        if (kind === 'send') {
          answered.add(token);
          engine.cancel(token, fd, true);
        } else if (result > 0) recorder.send(token, fd, pattern.address + token, 100, MSG.MORE);
        else bench.closeSocket(fd);
      };
      ask(all);
      recorder.until(() => recorder.underWay === 0, 'every end');
      assert.equal(answered.size, lines);
      all.forEach(({ peer }, token) => {
        const got = peer.read();
        assert.ok(peer.ended, `${token}`);
        assert.deepEqual([...got], [...pattern.bytes.subarray(token, token + 100)]);
      });
      bench.end();
      pattern.unmap();
    });

    test('sends with flags and without are collected together, and each peer has its own', () => {
      const bench = new Bench(name);
      const { engine, recorder } = bench;
      const pattern = patternRegion(period);
      const all = open(bench);
      const flagsOf = (token: number): number => (token % 3 === 0 ? 0 : MSG.MORE);
      const collects = new Set<boolean>();
      const late: number[] = [];
      recorder.on = ({ kind, token, result }) => {
        const { fd } = all[token]!;
        if (kind === 'receive' && result > 0) {
          collects.add(engine.sendsAtOnce(flagsOf(token)));
          recorder.send(token, fd, pattern.address + token, 100 + token, flagsOf(token));
        } else if (kind === 'send') late.push(token);
      };
      // One of each kind has a peer that is gone.
      const isGone = (token: number): boolean => token === 6 || token === 7;
      for (const token of [6, 7]) {
        assert.equal(all[token]!.peer.write(Buffer.from('ask')), 3);
        all[token]!.peer.reset();
      }
      ask(all.filter((_line, token) => !isGone(token)));
      recorder.until(() => all.every((_line, token) => isGone(token) || late.includes(token)), 'every answer');
      if (process.arch === 'x64') assert.deepEqual([...collects], [false]);
      assert.equal(new Set(late).size, late.length, 'none ended twice');
      all.forEach(({ fd, peer }, token) => {
        if (isGone(token)) return;
        assert.equal(recorder.last('send', token)?.result, 100 + token);
        engine.cancel(token, fd, true);
        bench.closeSocket(fd);
        assert.deepEqual([...peer.read()], [...pattern.bytes.subarray(token, 100 + 2 * token)]);
      });
      bench.end();
      pattern.unmap();
    });

    test('what comes after the first bytes, which are received once, is received when that is asked for', () => {
      const bench = new Bench(name);
      const { recorder } = bench;
      const pattern = patternRegion(period);
      const all = bench.connect(lines).map(({ fd, peer }) => new Line(fd, peer));
      all.forEach(({ fd }, token) => void recorder.receive(token, fd, true));
      recorder.settle();
      recorder.on = ({ kind, token, result }) => {
        if (kind === 'receive' && result > 0) recorder.send(token, all[token]!.fd, pattern.address, 100);
      };
      ask(all);
      recorder.until(() => all.every((_line, token) => recorder.last('send', token)?.result === 100), 'every answer');
      recorder.on = undefined;
      // Of every second one before it is asked for.
      const [first, second] = [0, 1].map((rest) => all.filter((_line, token) => token % 2 === rest));
      ask(first!);
      recorder.settle();
      assert.ok(all.every((_line, token) => recorder.length(token) === 3));
      all.forEach(({ fd }, token) => void recorder.receive(token, fd));
      recorder.settle();
      ask(second!);
      recorder.until(() => all.every((_line, token) => recorder.length(token) === 6), 'every second question');
      bench.end();
      pattern.unmap();
    });

    test('whatever handlers do, each operation ends once and no byte is lost', () => {
      const answers = fc.array(fc.record({ length: fc.integer({ min: 1, max: 400_000 }), end: fc.nat(9) }), {
        minLength: lines,
        maxLength: 3 * lines,
      });
      fc.assert(
        fc.property(answers, (plan) => {
          const bench = new Bench(name, { frames: 24, frameBytes: 64 });
          const { engine, recorder } = bench;
          const pattern = patternRegion(2 * period + 400_000);
          const all = open(bench);
          // Of every second one an answer may be taken in parts, or not at once.
          all.forEach((line, token) => void (token % 2 === 0 && narrow(line)));
          let next = 0;
          recorder.on = ({ kind, token, result, more }) => {
            const line = all[token];
            if (line === undefined) return;
            if (kind === 'send' && result > 0) line.sent += result;
            if (kind === 'send' && !line.gone) assert.equal(result, line.asked, 'it ends when all of it was taken');
            if (line.gone || kind !== 'receive') return;
            if (!more) recorder.receive(token, line.fd);
            if (result <= 0 || recorder.isUnderWay('send', token)) return;
            const { length, end } = plan[next++ % plan.length]!;
            line.asked = length;
            recorder.send(token, line.fd, pattern.address + (line.sent % period), length);
            if (end !== 0) return;
            line.gone = true;
            engine.cancel(token, line.fd, true);
          };
          for (let round = 0; round < 4; round++) {
            ask(all);
            recorder.until(() => {
              for (const line of all) line.got.add(line.peer.read());
              return all.every((line, token) => line.gone || recorder.length(token) === 3 * (round + 1));
            }, 'every question');
          }
          recorder.until(() => {
            for (const line of all) line.got.add(line.peer.read());
            return all.every(({ got, sent }, token) => !recorder.isUnderWay('send', token) && got.length === sent);
          }, 'every answer');
          for (const { got } of all) {
            const { bytes } = got;
            for (let at = 0; at < bytes.length; at += 997) assert.equal(bytes[at], pattern.bytes[at % period]);
          }
          bench.end();
          pattern.unmap();
        }),
        { numRuns: 4 },
      );
    });
  });
}
