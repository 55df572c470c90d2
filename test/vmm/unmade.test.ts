// A guest that cannot be made whole: whatever was made before that is closed again, and so is what it was given for itself alone.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Kicker } from '../../src/kvm/kick.js';
import { Loop } from '../../src/transport/loop.js';
import { StreamDoor } from '../../src/vmm/stream-door.js';
import type { VhostUserCard } from '../../src/vmm/vhost-user-card.js';
import { VmGuest } from '../../src/vmm/vm-guest.js';
import { openDescriptors } from '../support/open-descriptors.js';
import { guestsRefused, imageOf } from './support.js';

/** A card that another process would work for. */
class Card {
  readonly kind = 1;
  readonly features = 0n;
  readonly configuration = new Uint8Array(8);
  readonly queueSizes = [8, 8];
  readonly layouts = 0n;
  joins = 0;
  stops = 0;

  join(): void {
    this.joins++;
  }

  start(): void {}
  notified(): void {}

  stop(): void {
    this.stops++;
  }
}

/** Makes a guest on a loop. @param watches whether the loop's engine can watch anything */
function make(image: string, watches: boolean) {
  const loop = new Loop('epoll');
  if (!watches)
    loop.engine.watch = () => {
      throw new Error('nothing more can be watched');
    };
  const kicker = new Kicker();
  const card = new Card();
  const streams = new StreamDoor(6379);
  const start = { image, memoryBytes: 16 * 1024 ** 2, commandLine: '', mac: new Uint8Array(6), shared: kicker.shared };
  const doors = { link: undefined, remote: card as unknown as VhostUserCard, streams };
  const lines = { put: () => 0, flush: () => 0 };
  let guest: VmGuest | undefined;
  let failure: Error | undefined;
  try {
    guest = new VmGuest(loop, start, doors, { name: 'guest', lines, say: () => {}, over: () => {} });
  } catch (error) {
    failure = error as Error;
  }
  const end = (): void => {
    guest?.stop();
    guest?.close();
    loop.close();
    kicker.close();
  };
  return { card, streams, guest, failure, end };
}

/** Descriptors of machines and timers, and mappings of guests' memory. */
function heldHere(): number {
  const maps = readFileSync('/proc/self/maps', 'latin1').split('\n');
  return (
    openDescriptors(/kvm|timerfd|clearway-guest/).length + maps.filter((each) => /clearway-guest/.test(each)).length
  );
}

test('an image that is not there: the card of another process is let go of', {
  skip: process.platform === 'linux' ? false : 'guests need Linux',
}, () => {
  const { card, streams, failure, end } = make(join(tmpdir(), 'clearway-absent.elf'), true);
  assert.match(failure!.message, /ENOENT/);
  assert.deepEqual([card.joins, card.stops], [0, 1]);
  assert.equal(streams.device, undefined);
  end();
});

test('its timer cannot be had, the last that it is made of: nothing of it is left', { skip: guestsRefused() }, () => {
  const before = heldHere();
  const whole = make(imageOf('probe'), true);
  assert.equal(whole.failure, undefined);
  assert.ok(whole.streams.device !== undefined && heldHere() > before);
  whole.end();
  assert.equal(heldHere(), before);
  const { card, streams, failure, end } = make(imageOf('probe'), false);
  assert.match(failure!.message, /nothing more can be watched/);
  assert.deepEqual([card.joins, card.stops], [1, 1]);
  assert.equal(streams.device, undefined);
  end();
  assert.equal(heldHere(), before);
});
