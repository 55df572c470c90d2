// Node's own parser as the oracle of which heads to take: over generated and mutated heads, the two differ only where a named
// entry of differences.ts says so.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_HEAD_LIMITS, parseRequestHead, RequestHead } from '../../src/wire/http1/request.js';
import { DIFFERENCES } from './differences.js';
import { anyHead, bytesOf } from './heads.js';
import { NodeParser } from './node-parser.js';

const head = new RequestHead();
let node: NodeParser;

function taken(bytes: Uint8Array): boolean {
  return parseRequestHead(bytes, 0, bytes.length, head, DEFAULT_HEAD_LIMITS) > 0;
}

describe("Node's parser as the oracle", () => {
  before(async () => {
    node = await NodeParser.start();
  });
  after(() => node.stop());

  for (const { name, section, takenBy, example, applies } of DIFFERENCES) {
    test(`${name} (${section})`, async (context) => {
      const bytes = bytesOf(example);
      assert.equal(taken(bytes), takenBy === 'clearway', 'our side');
      assert.ok(applies(example), 'the entry covers its example');
      const others = DIFFERENCES.filter((entry) => entry.name !== name && entry.applies(example));
      assert.deepEqual(others, [], 'the example shows nothing else');
      const verdict = await node.read(bytes);
      if ((verdict === 'taken') !== (takenBy === 'node'))
        context.diagnostic(`Node ${process.version} agrees: ${verdict}`);
    });
  }

  test('heads differ only where it is meant', async () => {
    let accepted = 0;
    let differing = 0;
    await fc.assert(
      fc.asyncProperty(anyHead, async (text) => {
        const bytes = bytesOf(text);
        const ours = taken(bytes);
        const theirs = await node.read(bytes);
        if (ours) accepted++;
        if (ours === (theirs === 'taken')) return;
        differing++;
        const takenBy = ours ? 'clearway' : 'node';
        const entry = DIFFERENCES.find((difference) => difference.takenBy === takenBy && difference.applies(text));
        assert.ok(entry, `taken by ${takenBy}, Node says: ${theirs}`);
      }),
      { numRuns: 2000 },
    );
    assert.ok(
      accepted > 400 && differing > 20,
      `${accepted} taken, ${differing} differing: the generator proves too little`,
    );
  });
});
