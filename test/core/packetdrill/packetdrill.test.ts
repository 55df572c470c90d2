// Every script of scripts/ passes, each feature of TCP has one, and the runner sees what is wrong: a script that expects something else fails.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isLong, isShort } from '../../support/long.js';
import { runScript } from './run.js';
import { readScript } from './syntax.js';

const folder = join(import.meta.dirname, '../../../../test/core/packetdrill/scripts');
const names = readdirSync(folder).filter((name) => name.endsWith('.pkt'));
const texts = new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));

for (const [name, text] of texts) {
  test(name, () => {
    const { outcome, reason } = runScript(text);
    assert.equal(outcome, 'passed', reason);
  });
}

test('a script that expects another number, flag, option or time of any segment fails', () => {
  const expected = /^(\s*\S+\s+> )(\S+)( \d+:)(\d+)(\(\d+\))(.*)$/;
  const step = isLong ? 1 : isShort ? 11 : 3;
  let changes = 0;
  for (const [name, text] of texts) {
    const lines = text.split('\n');
    const places = lines.flatMap((line, index) => (expected.test(line) ? [index] : []));
    for (const place of places) {
      const wrong = (change: (line: string) => string): void => {
        // Every third, or of `npm test` every eleventh, of each kind and in each script.
        if (changes++ % step !== 0) return;
        const changed = lines.with(place, change(lines[place]!)).join('\n');
        const { outcome } = runScript(changed);
        assert.equal(outcome, 'failed', `${name}, line ${place + 1}: ${changed.split('\n')[place]}`);
      };
      wrong((line) =>
        line.replace(expected, (_, a, flags, b, c, d, e) => `${a}${flags === 'R' ? 'S' : 'R'}${b}${c}${d}${e}`),
      );
      if (/ack \d+/.test(lines[place]!))
        wrong((line) => line.replace(/ack (\d+)/, (_, ack) => `ack ${Number(ack) + 1}`));
      if (/wscale 8|mss 1460|sack \d/.test(lines[place]!))
        wrong((line) => line.replace(/wscale 8|mss 1460|sack \d/, (option) => `${option}7`));
    }
  }
});

test('what cannot be read is said with its line', () => {
  for (const [line, text] of [
    [1, '+0 < S 0:1(0) win 5'],
    [1, '+0 < X 0:0(0)'],
    [2, '\n+0 write(4, ...'],
    [2, '+0 bind(3, ..., ...) = 0\nnow < S 0:0(0)'],
    [3, '// nothing\n/* here\n*/ +0 listen(3, 1)'],
  ] as const) {
    assert.throws(() => readScript(text), new RegExp(`^Error: line ${line}: `), text);
  }
});

test('what a script needs that is not here is said', () => {
  for (const call of ['setsockopt(3, SOL_TCP, TCP_FASTOPEN, [5], 4) = 0', 'open("x", O_RDONLY) = 5']) {
    const { outcome, reason } = runScript(`0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 ${call}`);
    assert.equal(outcome, 'unsupported');
    assert.match(reason, /^line 2: /);
  }
});
