// The tree on serve's ground: contents within their budget, files as they are, roots that come and go.

import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDescriptors } from '../../test/support/open-descriptors.js';
import { Loop } from '../transport/loop.js';
import { nodeRuntime } from './runtime.js';
import { SiteTree } from './site-tree.js';
import type { Located } from './tree.js';

const skip = nodeRuntime().shared === undefined ? `no Linux tree here: ${nodeRuntime().reason}` : false;

function makeTree(context: { after(done: () => void): void }, budget: number): { tree: SiteTree; root: string } {
  const root = mkdtempSync(join(tmpdir(), 'clearway-tree-'));
  const loop = new Loop('epoll');
  context.after(() => {
    loop.close();
    rmSync(root, { recursive: true, force: true });
  });
  return { tree: new SiteTree(loop, { inlineBytes: 1000, budget, maxFiles: 100 }), root };
}

function fileOf(found: Located) {
  assert.ok(found.kind === 'file', found.kind);
  return found.file;
}

test('small contents stay within their budget, and each is right', { skip }, (context) => {
  const { tree, root } = makeTree(context, 2500);
  for (let index = 0; index < 8; index++) writeFileSync(join(root, `${index}`), `${index}`.repeat(900));
  writeFileSync(join(root, 'large'), 'x'.repeat(1001));
  for (let round = 0; round < 2; round++) {
    for (let index = 0; index < 8; index++) {
      const file = fileOf(tree.find(root, `${index}`, false));
      assert.equal(file.content()?.toString(), `${index}`.repeat(900));
      file.release();
      assert.ok(tree.contentBytes <= 2500, String(tree.contentBytes));
    }
  }
  const large = fileOf(tree.find(root, 'large', false));
  assert.equal(large.content(), undefined);
  large.release();
});

test('contents of files that changed make room first', { skip }, (context) => {
  const { tree, root } = makeTree(context, 2500);
  for (let index = 0; index < 20; index++) {
    writeFileSync(join(root, 'a'), `${index % 10}`.repeat(900));
    const file = fileOf(tree.find(root, 'a', false));
    assert.equal(file.content()?.toString(), `${index % 10}`.repeat(900));
    file.release();
  }
  assert.ok(tree.contentBytes <= 2500);
});

test('a size is never promised that the descriptor does not have', { skip }, (context) => {
  const { tree, root } = makeTree(context, 0);
  writeFileSync(join(root, 'a'), 'x'.repeat(5000));
  fileOf(tree.find(root, 'a', false)).release();
  writeFileSync(join(root, 'a'), 'y'.repeat(3000));
  const file = fileOf(tree.find(root, 'a', false));
  assert.equal(file.size, 3000);
  assert.equal(file.stats().size, 3000);
  file.release();
});

test("another directory in the root's place is found, a root that is gone is not", { skip }, (context) => {
  const { tree, root } = makeTree(context, 2500);
  const other = mkdtempSync(join(tmpdir(), 'clearway-tree-'));
  const away = `${root}-away`;
  context.after(() => rmSync(away, { recursive: true, force: true }));
  writeFileSync(join(root, 'a'), 'first');
  writeFileSync(join(other, 'a'), 'second');
  fileOf(tree.find(root, 'a', false)).release();
  renameSync(root, away);
  const gone = tree.find(root, 'a', false);
  assert.deepEqual([gone.kind, gone.kind === 'nothing' && gone.status], ['nothing', 404]);
  renameSync(other, root);
  const file = fileOf(tree.find(root, 'a', false));
  assert.equal(file.content()?.toString(), 'second');
  file.release();
});

test('a root that is a file is found by the empty path alone', { skip }, (context) => {
  const { tree, root } = makeTree(context, 2500);
  writeFileSync(join(root, 'a'), 'file');
  fileOf(tree.find(join(root, 'a'), '', false)).release();
  assert.equal(tree.find(join(root, 'a'), '', true).kind, 'nothing');
  assert.equal(tree.find(join(root, 'a'), 'b', false).kind, 'nothing');
  assert.equal(tree.find(root, '', false).kind, 'directory');
  assert.equal(tree.find(root, 'x'.repeat(5000), false).kind, 'nothing');
});

test('a root that nobody asks for is let go of, and opened again for who asks', { skip }, (context) => {
  const root = mkdtempSync(join(tmpdir(), 'clearway-tree-'));
  let nowMs = 1000;
  const loop = new Loop('epoll', () => nowMs);
  context.after(() => {
    loop.close();
    rmSync(root, { recursive: true, force: true });
  });
  const tree = new SiteTree(loop, { inlineBytes: 1000, budget: 10_000, maxFiles: 100 });
  writeFileSync(join(root, 'a'), 'content');
  const open = (): number => openDescriptors(/./).filter((link) => link.startsWith(root)).length;
  const pass = (ms: number): void => {
    for (const untilMs = nowMs + ms; nowMs < untilMs; nowMs += 250) loop.turn(0);
    loop.turn(0);
  };
  for (let round = 0; round < 2; round++) {
    const file = fileOf(tree.find(root, 'a', false));
    assert.equal(file.content()?.toString(), 'content');
    pass(5000);
    assert.ok(open() > 0, 'kept for a while');
    pass(10_000);
    // What is being sent stays open until it is sent.
    assert.equal(open(), 1);
    file.release();
    pass(500);
    assert.equal(open(), 0);
  }
});
