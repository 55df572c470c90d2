import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { callArguments, matchingBracket, scan } from './scan.js';

test('comments and the contents of strings are blanked, code stays where it was', () => {
  const text = "const a = 'x // y'; // .copy(\n/* b\n c */ call(\"q\\\"z\", `t${a + '}'}u`);";
  const { code, comments, strings } = scan(text);
  assert.equal(code.length, text.length);
  assert.deepEqual(
    comments.map((comment) => comment.text),
    ['// .copy(', '/* b\n c */'],
  );
  assert.deepEqual(
    strings.map((literal) => literal.value),
    ['x // y', 'q\\"z', 't', '}', 'u'],
  );
  assert.match(code, /^const a = ' {6}'; +\n +\n +call\(" {4}", ` \$\{a \+ ' '\} `\);$/);
});

test('a regular expression is not a comment, a division is not a regular expression', () => {
  assert.equal(scan('const r = /[/"]\\//g; a("b")').strings.length, 1);
  assert.equal(scan("const d = a / b; f('c') / 2;").strings.length, 1);
  assert.equal(scan("return /'/.test(x) ? 'a' : 'b'").strings.length, 2);
  assert.equal(scan('const x = (a + b) / 2; // half').comments.length, 1);
});

test('a template within a template, with braces in its expression', () => {
  const { strings, code } = scan('f(`a${g({ x: `b${c}d` })}e`); h()');
  assert.deepEqual(
    strings.map((literal) => literal.value),
    ['a', 'b', 'd', 'e'],
  );
  assert.ok(code.endsWith('h()'));
});

test('a shebang is a comment', () => {
  assert.equal(scan('#!/usr/bin/env node\n// x\n1').comments.length, 2);
});

test('any text at all: the scan ends, and keeps length and line ends', () => {
  const pieces = fc.array(
    fc.constantFrom("'", '"', '`', '${', '}', '{', '/', '*', '//', '/*', '*/', '\\', '\n', 'a', ' ', '['),
  );
  fc.assert(
    fc.property(pieces, (parts) => {
      const text = parts.join('');
      const { code } = scan(text);
      assert.equal(code.length, text.length);
      assert.equal(code.split('\n').length, text.split('\n').length);
    }),
    { numRuns: 2000 },
  );
});

test('brackets and arguments', () => {
  assert.equal(matchingBracket('f(a, [b], {c})', 1), 13);
  assert.equal(matchingBracket('f(a', 1), -1);
  assert.deepEqual(callArguments('f(a, [b, c], d(e, f), )', 1), ['a', '[b, c]', 'd(e, f)']);
  assert.deepEqual(callArguments('f()', 1), []);
});
