import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../test/support/seeded-random.js';
import { type FrameFault, FrameGuard } from './frame-guard.js';

test('a frame goes round: to receive into, to the application, to be sent, to nobody', () => {
  const guard = new FrameGuard(2, 2048);
  assert.equal(guard.takeToReceive(), 0);
  assert.equal(guard.received(300, 0, 1500), 300);
  assert.ok(guard.handToSend(300, 1748));
  assert.deepEqual([guard.unused, guard.receiving, guard.sending], [1, 0, 1]);
  assert.ok(guard.sent(300, 0));
  assert.equal(guard.take(), 0);
  assert.ok(guard.handToReceive(0));
  assert.equal(guard.take(), 2048);
  assert.equal(guard.take(), -1);
  assert.equal(guard.takeToReceive(), -1);
  assert.ok(guard.giveBack(2048 + 17));
  assert.deepEqual(
    Object.values(guard.faults).filter((count) => count > 0),
    [],
  );
});

test('each wrong hand-over has its reason', () => {
  const cases: readonly [FrameFault, (guard: FrameGuard) => unknown][] = [
    ['outside', (guard) => guard.giveBack(4 * 4096)],
    ['outside', (guard) => guard.giveBack(-1)],
    ['outside', (guard) => guard.handToSend(Number.NaN, 1)],
    ['outside', (guard) => guard.handToReceive(0.5)],
    ['outside', (guard) => guard.handToReceive(2 ** 40)],
    ['not at a frame', (guard) => guard.handToReceive(guard.take() + 8)],
    ['too long', (guard) => guard.handToSend(guard.take() + 1, 4096)],
    ['too long', (guard) => guard.handToSend(guard.take(), 0)],
    ['too long', (guard) => guard.handToSend(guard.take(), Number.NaN)],
    ['too long', (guard) => guard.handToSend(guard.take(), 1.5)],
    ['not taken', (guard) => guard.handToSend(0, 60)],
    ['not taken', (guard) => guard.handToReceive(0)],
    ['handed twice', (guard) => guard.handToSend(guard.takeToReceive(), 60)],
    ['handed twice', (guard) => guard.giveBack(guard.takeToReceive())],
    ['returned twice', (guard) => guard.giveBack(0)],
    ['kernel: outside', (guard) => guard.received(0, 1, 60)],
    ['kernel: outside', (guard) => guard.sent(4 * 4096, 0)],
    ['kernel: not its frame', (guard) => guard.received(guard.take(), 0, 60)],
    ['kernel: not its frame', (guard) => guard.sent(guard.takeToReceive(), 0)],
    ['kernel: too long', (guard) => guard.received(guard.takeToReceive() + 256, 0, 4000)],
  ];
  for (const [reason, attempt] of cases) {
    const guard = new FrameGuard(4, 4096);
    assert.ok([false, -1].includes(attempt(guard) as never), reason);
    const counted = Object.entries(guard.faults).filter(([, count]) => count > 0);
    assert.deepEqual(counted, [[reason, 1]]);
  }
});

test('memory has a bounded number of frames', () => {
  for (const frames of [0, 1.5, -1, 2 ** 20 + 1]) assert.throws(() => new FrameGuard(frames, 2048), RangeError);
  assert.throws(() => new FrameGuard(2 ** 19 + 1, 4096), RangeError);
});

/** What the guard must know, in the plainest way. */
class Model {
  readonly owners = new Map<number, string>();
  faults = 0;

  move(place: number, from: string, to: string, isSane: boolean, frameBytes: number, frames: number): boolean {
    const frame = Math.floor(place / frameBytes);
    const isInside = Number.isInteger(place) && frame >= 0 && frame < frames;
    if (!isInside || !isSane || (this.owners.get(frame) ?? 'nobody') !== from) {
      this.faults++;
      return false;
    }
    this.owners.set(frame, to);
    return true;
  }
}

test('1,000,000 seeded hand-overs, most of them wrong: each is judged as the model does, each fault is counted once, no frame is lost', () => {
  const random = seededRandom(12);
  const [frames, frameBytes] = [64, 2048] as const;
  const guard = new FrameGuard(frames, frameBytes);
  const model = new Model();
  const some = (most: number): number => Math.floor(random() * most);
  const strange = [-1, Number.NaN, 0.5, 2 ** 31, 2 ** 32, 2 ** 40, Number.POSITIVE_INFINITY, frames * frameBytes];
  for (let count = 0; count < 1_000_000; count++) {
    const place =
      random() < 0.02 ? strange[some(strange.length)]! : some(frames) * frameBytes + (random() < 0.3 ? some(2048) : 0);
    const length = random() < 0.1 ? some(5000) : 60;
    const fits = Number.isInteger(place) && length >= 1 && (place % frameBytes) + length <= frameBytes;
    const [low, high] = [place >>> 0, place > 2 ** 32 - 1 || place < 0 || random() < 0.01 ? 1 : 0];
    const kernelPlace = high === 0 ? low : -1;
    const move = (at: number, from: string, to: string, isSane = true) =>
      model.move(at, from, to, isSane, frameBytes, frames);
    switch (some(7)) {
      case 0: {
        const taken = guard.take();
        if (taken < 0) assert.equal(guard.unused, 0);
        else assert.ok(move(taken, 'nobody', 'application'));
        break;
      }
      case 1: {
        const taken = guard.takeToReceive();
        if (taken < 0) assert.equal(guard.unused, 0);
        else assert.ok(move(taken, 'nobody', 'receive'));
        break;
      }
      case 2:
        assert.equal(guard.giveBack(place), move(place, 'application', 'nobody'));
        break;
      case 3:
        assert.equal(guard.handToReceive(place), move(place, 'application', 'receive', place % frameBytes === 0));
        break;
      case 4:
        assert.equal(guard.handToSend(place, length), move(place, 'application', 'send', fits));
        break;
      case 5: {
        const frame = Math.floor(kernelPlace / frameBytes);
        const isLong = (low % frameBytes) + length > frameBytes;
        const was = model.owners.get(frame);
        const got = guard.received(low, high, length);
        assert.equal(got >= 0, move(kernelPlace, 'receive', 'application', !isLong));
        // A frame that came with more than it holds is nobody's again.
        if (isLong && was === 'receive' && frame < frames) model.owners.set(frame, 'nobody');
        break;
      }
      default:
        assert.equal(guard.sent(low, high), move(kernelPlace, 'send', 'nobody'));
    }
  }
  const counted = Object.values(guard.faults).reduce((sum, each) => sum + each, 0);
  assert.equal(counted, model.faults);
  assert.ok(counted > 500_000, `${counted} were wrong`);
  const of = (owner: string): number => [...model.owners.values()].filter((each) => each === owner).length;
  assert.deepEqual([guard.receiving, guard.sending], [of('receive'), of('send')]);
  assert.equal(guard.unused, frames - of('receive') - of('send') - of('application'));
  const places = new Set<number>();
  for (let place = guard.take(); place >= 0; place = guard.take()) places.add(place);
  assert.equal(places.size + of('receive') + of('send') + of('application'), frames);
});
