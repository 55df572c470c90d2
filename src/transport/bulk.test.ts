import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BulkQueue } from './bulk.js';

const mebibyte = 1024 * 1024;

test('while only bulk moves, a turn has large shares, bounded in all', () => {
  const bulk = new BulkQueue();
  bulk.beginTurn(0);
  const shares: number[] = [];
  for (let sender = 0; sender < 8; sender++) {
    const share = bulk.share(100 * mebibyte);
    shares.push(share / mebibyte);
    bulk.count(share);
  }
  assert.deepEqual(shares, [2, 2, 0, 0, 0, 0, 0, 0], 'the others have later turns');
  assert.ok(bulk.share(64 * 1024 + 300) > 64 * 1024 + 300, 'what is small itself does not wait');
  bulk.beginTurn(1);
  for (let sender = 0; sender < 4; sender++) {
    assert.equal(bulk.share(mebibyte + 300), 2 * mebibyte, 'a response of a mebibyte leaves by one call');
    bulk.count(mebibyte);
  }
  assert.equal(bulk.share(mebibyte + 300), 0);
});

test('while only bulk moves, who comes goes behind those who wait', () => {
  const bulk = new BulkQueue();
  const log: string[] = [];
  const sender = (name: string, rounds: number) => {
    const go = (): void => {
      const share = bulk.share(100 * mebibyte);
      if (share > 0) {
        log.push(name);
        bulk.count(share);
        rounds--;
      }
      if (rounds > 0) bulk.wait(go);
    };
    return go;
  };
  bulk.beginTurn(0);
  for (const name of ['a', 'b', 'c', 'd', 'e']) sender(name, 2)();
  for (let turn = 1; bulk.waiting; turn++) {
    bulk.beginTurn(turn);
    // One that is new in each turn, for as long as others wait.
    if (turn < 4) sender(`new ${turn}`, 1)();
    bulk.run();
  }
  assert.deepEqual(log, ['a', 'b', 'a', 'b', 'c', 'd', 'e', 'new 1', 'new 2', 'c', 'd', 'new 3', 'e']);
});

test('beside small answers bulk has its share only from the queue, one piece a turn, in order', () => {
  const bulk = new BulkQueue();
  const log: string[] = [];
  const sender = (name: string, rounds: number) => {
    const go = (): void => {
      const share = bulk.share(10 * mebibyte);
      assert.ok(share > 0 && share <= 128 * 1024, `${share}`);
      bulk.count(share);
      log.push(name);
      if (--rounds > 0) bulk.wait(go);
    };
    return go;
  };
  bulk.noteSmall(1000);
  bulk.beginTurn(1001);
  assert.equal(bulk.share(10 * mebibyte), 0, 'not before the small ones');
  assert.ok(bulk.share(64 * 1024 + 300) > 64 * 1024 + 300, 'what is small itself does not wait');
  bulk.wait(sender('a', 2));
  bulk.wait(sender('b', 2));
  bulk.run();
  assert.deepEqual(log, [], 'who began to wait in this turn has a later one');
  for (let turn = 2; bulk.waiting; turn++) {
    const before: number = log.length;
    bulk.beginTurn(1000 + turn);
    bulk.run();
    assert.equal(log.length, before + 1, 'one piece a turn');
  }
  assert.deepEqual(log, ['a', 'b', 'a', 'b']);
});

test('a sender that takes less than the piece leaves the rest to the next', () => {
  const bulk = new BulkQueue();
  const shares: number[] = [];
  bulk.noteSmall(0);
  for (const takes of [1000, 127 * 1024, 5000]) {
    bulk.wait(() => {
      const share = bulk.share(mebibyte);
      shares.push(share);
      bulk.count(Math.min(share, takes));
    });
  }
  bulk.beginTurn(1);
  bulk.run();
  assert.deepEqual(shares, [128 * 1024, 128 * 1024 - 1000, 24], 'in one turn');
});

test('small bodies that use a turn up keep nobody waiting for ever', () => {
  for (const attentive of [false, true]) {
    const bulk = new BulkQueue();
    let left = 4;
    const go = (): void => {
      const share = bulk.share(100 * mebibyte);
      assert.ok(share >= 128 * 1024, `${share}`);
      bulk.count(share);
      if (--left > 0) bulk.wait(go);
    };
    bulk.wait(go);
    for (let turn = 0; turn < 4; turn++) {
      if (attentive) bulk.noteSmall(turn);
      bulk.beginTurn(turn);
      for (let sender = 0; sender < 64; sender++) bulk.count(Math.min(bulk.share(65_836), 65_836));
      bulk.run();
      assert.equal(bulk.share(100 * mebibyte), 0, 'the turn is over');
    }
    assert.equal(left, 0);
  }
});

test('a while after the last small answer turns are long again, and all who wait go on', () => {
  const bulk = new BulkQueue();
  bulk.noteSmall(0);
  bulk.beginTurn(99);
  assert.equal(bulk.share(mebibyte), 0);
  let ran = 0;
  for (let sender = 0; sender < 5; sender++) {
    bulk.wait(() => {
      ran++;
      bulk.count(mebibyte / 2);
    });
  }
  bulk.beginTurn(100);
  assert.equal(bulk.share(mebibyte), 0, 'those who wait come first');
  bulk.run();
  assert.equal(ran, 5);
  assert.equal(bulk.waiting, false);
  assert.equal(bulk.share(mebibyte), 2 * mebibyte);
});

test('one that throws is done, and the others keep their places', () => {
  const bulk = new BulkQueue();
  const ran: number[] = [];
  bulk.wait(() => {
    throw new Error('a defect');
  });
  bulk.wait(() => ran.push(2));
  bulk.beginTurn(0);
  assert.throws(() => bulk.run(), /a defect/);
  assert.equal(bulk.waiting, true);
  bulk.beginTurn(1);
  bulk.run();
  assert.deepEqual(ran, [2]);
});
