// Transfer on an engine that does as it is told: progress is told to the owner whatever the bytes had waited for, since
// the time-out of a socket of Node's hangs on it. Not here: real sockets (test/node).

import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { platformIsLinux } from '../kernel/ffi.js';
import { noFileCounts } from '../transport/file-counts.js';
import { type FileSource, Output } from '../transport/output.js';
import { defaultSendLimits } from '../transport/send-modes.js';
import type { SharedLoop } from './runtime.js';
import { Transfer } from './transfer.js';

const windowBytes = 1024 * 1024;

/** A loop in which nothing happens by itself: what was asked for is noted. */
class ScriptedLoop {
  readonly asked: string[] = [];
  turns = 0;
  readonly nowMs = 0;
  turn: (() => void) | undefined;
  /** Bytes that one turn may send. */
  budget = Number.POSITIVE_INFINITY;
  readonly bulk = { share: (): number => this.budget, count: (): void => {} };
  readonly sendLimits = defaultSendLimits;
  readonly engine = {
    sendFile: (_fd: number, _file: number, _offset: number, length: number): number => length,
    fetch: (): number => this.asked.push('fetch'),
    awaitWritable: (): number => this.asked.push('room'),
    cancel: (): void => {},
    cork: (): void => {},
  };

  register(): void {}
  unregister(): void {}

  whenBulk(turn: () => void): void {
    this.asked.push('turn');
    this.turn = turn;
  }
}

class Owner {
  progress = 0;
  sent = false;
  ownsSocket(): boolean {
    return true;
  }
  progressed(): void {
    this.progress++;
  }
  listSent(): void {
    this.sent = true;
  }
  listFailed(): void {
    assert.fail('the extent failed');
  }
}

function begin(loop: ScriptedLoop, owner: Owner): { readonly transfer: Transfer; readonly close: () => void } {
  const fd = openSync('/dev/null', 'w');
  const shared = { loop, counts: noFileCounts(), hold: () => {}, letGo: () => {} };
  const transfer = new Transfer(shared as unknown as SharedLoop, owner, fd);
  const close = (): void => {
    transfer.close();
    closeSync(fd);
  };
  return { transfer, close };
}

/** An extent of a file of which nothing, or everything, is in the page cache. */
function extent(resident: boolean, length: number): Output {
  const output = new Output();
  const file: FileSource = { fd: 0, residency: { covers: () => resident }, release: () => {} };
  output.addExtent(file, 0, length, undefined, 0);
  return output;
}

const skip = platformIsLinux ? false : 'needs Linux';

test('what a disk was waited for is progress', { skip }, () => {
  const loop = new ScriptedLoop();
  const owner = new Owner();
  const { transfer, close } = begin(loop, owner);
  transfer.send(extent(false, 8 * windowBytes));
  assert.deepEqual([loop.asked, owner.progress], [['fetch'], 0]);
  transfer.fetched(windowBytes);
  assert.deepEqual([loop.asked, owner.progress, owner.sent], [['fetch', 'fetch'], 1, false]);
  for (let window = 1; window < 8; window++) {
    loop.turns++;
    transfer.fetched(windowBytes);
  }
  assert.equal(owner.sent, true);
  assert.equal(transfer.sentBytes, 8 * windowBytes);
  close();
});

test('and what a turn of the loop was waited for', { skip }, () => {
  const loop = new ScriptedLoop();
  loop.budget = 1000;
  const owner = new Owner();
  const { transfer, close } = begin(loop, owner);
  transfer.send(extent(true, 3000));
  for (let turn = 1; turn < 3; turn++) {
    assert.deepEqual([loop.asked.length, owner.progress, owner.sent], [turn, turn, false]);
    loop.turns++;
    loop.turn!();
  }
  assert.deepEqual([owner.progress, owner.sent, transfer.sentBytes], [3, true, 3000]);
  close();
});
