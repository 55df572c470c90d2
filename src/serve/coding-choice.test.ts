import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseCoding } from '../wire/http/negotiate.js';
import { CodingChoice } from './coding-choice.js';
import { codingNames } from './codings.js';

const member = fc
  .tuple(
    fc.constantFrom('gzip', 'br', 'zstd', 'identity', '*', 'x-gzip', 'GZIP', 'deflate', ''),
    fc.constantFrom('', ';q=0', ';q=1', '; q=0.5', ';q=0.001', ';q=2', ';Q=0.2', ';level=1'),
  )
  .map(([name, weight]) => name + weight);
const field = fc.oneof(
  fc.array(member, { maxLength: 5 }).map((members) => members.join(', ')),
  fc.array(member, { minLength: 20, maxLength: 30 }).map((members) => members.join(',')),
  fc.constantFrom('gzip, deflate, br, zstd', 'gzip', '', '*', 'identity;q=0'),
);

test('what it remembers is what the general rules choose', () => {
  const choice = new CodingChoice();
  fc.assert(
    fc.property(field, fc.integer({ min: 0, max: 7 }), (text, set) => {
      const available = set << 1;
      const names = codingNames.filter((_, index) => (available & (1 << (index + 1))) !== 0);
      const expected = chooseCoding(text, names) ?? 'identity';
      const bytes = Buffer.from(`Accept-Encoding: ${text}\r\n`, 'latin1');
      for (let time = 0; time < 2; time++) {
        const chosen = choice.choose(bytes, 17, 17 + text.length, available);
        assert.equal(chosen === 0 ? 'identity' : codingNames[chosen - 1], expected);
      }
    }),
    { numRuns: 4000 },
  );
});
