import assert from 'node:assert/strict';
import { test } from 'node:test';
import { config } from './config.js';
import { checkCopies, countMarkers } from './copies.js';
import { fixture, places } from './fixtures.js';
import { emptyRatchet } from './ratchet.js';

const check = (code: string, allowed = 0, path = 'src/serve/a.ts') =>
  checkCopies(fixture({ [path]: code }), config, { ...emptyRatchet, copyMarkers: { [path]: allowed } });

const copies = [
  'Buffer.concat(parts);',
  'Buffer.concat([head, body]);',
  'Buffer.from(bytes);',
  'Buffer.from(request.body);',
  'Buffer.from(bytes.subarray(0, 4));',
  'Buffer.copyBytesFrom(view);',
  'head.copy(target, 0);',
  'target.subarray(4).copy(other);',
  'payload.copyWithin(0, 4);',
  'target.set(source, 8); const target = new Uint8Array(16);',
  'this.#bytes.set(other);',
  'frame.bytes.set(body, offset);',
  'output.subarray(at).set(head);',
  'function f(out: Uint8Array, text: string) { out.set(encode(text)); }',
  'function f(view: Map<string, number>) {} function g(view: Uint8Array) { view.set(other, 1); }',
  'structuredClone(message);',
  'new Uint8Array(bytes);',
  'new Uint8Array(region.subarray(0, 4));',
  'new Uint8Array<ArrayBuffer>(chunk);',
  'const table: Uint32Array = other; new Uint32Array(table);',
  'Uint8Array.from(bytes);',
  'new Blob([body]);',
  'bytes.slice(0, 4);',
  'request.payload.slice(2);',
  'region.view.subarray(0, 9).slice(2);',
  'function f(x: Buffer) { return x.slice(1); }',
  'const raw = new Uint8Array(9); raw.slice(2);',
  'const b = Buffer.alloc(3); b.slice(1);',
];

test('each way of copying bytes is found', () => {
  for (const code of copies) assert.equal(check(code).length, 1, code);
});

const innocent = [
  "Buffer.from('text');",
  'Buffer.from(`a${b}`);',
  "Buffer.from(text, 'latin1');",
  'Buffer.from(text, encoding);',
  'Buffer.from([1, 2]);',
  'Buffer.from(String(port));',
  "Buffer.from(lines.join('\\r\\n'));",
  'Buffer.from(region.buffer, offset, length);',
  'Buffer.from(region.buffer);',
  'function f(text: string) { return Buffer.from(text); }',
  'const cache = new Map<string, number>(); cache.set(key, value);',
  'this.#buffers.set(id, buffer); class A { readonly #buffers = new Map(); }',
  'function f(view: Map<string, Uint8Array>) { view.set(name, bytes); }',
  'headers.set(name, value);',
  'registry.set(path, new Uint8Array(4));',
  'mask.set(3);',
  "interface A { counts: Uint8Array } counts.set('accepted', 3);",
  'view.setUint32(0, 1, true);',
  'text.slice(1, 3);',
  'process.argv.slice(2);',
  'names.slice().sort();',
  'function f(body: string) { return body.slice(0, 9); }',
  'const chunk: string[] = []; chunk.slice(1);',
  'new Uint8Array(4096);',
  'new Uint8Array(length);',
  'new Uint8Array(sizeBytes);',
  'new Uint8Array(buffer, 0, 16);',
  'new Uint8Array(region.buffer);',
  'new Uint8Array([1, 2, 3]);',
  'new Uint32Array(entries * 2);',
  'Uint8Array.from(text, (letter) => letter.charCodeAt(0));',
  'bytes.subarray(0, 4);',
  'copyFileSync(a, b);',
  "log('Buffer.concat(parts)'); // Buffer.concat(parts)",
  'class A { copy(): void {} }',
  'clone.copy();',
];

test('what copies no bytes is left alone', () => {
  for (const code of innocent) assert.deepEqual(check(code), [], code);
});

test('the copy file and tests are exempt', () => {
  assert.deepEqual(check('Buffer.concat(parts);', 0, 'src/memory/copy.ts'), []);
  assert.deepEqual(check('Buffer.concat(parts);', 0, 'src/serve/a.test.ts'), []);
  assert.deepEqual(check('Buffer.concat(parts);', 0, 'bench/a.ts'), []);
});

test('copy-ok excuses a copy on its line or the next, with a reason, as often as the ratchet says', () => {
  const reason = '// copy-ok: sixteen bytes, once, at start';
  assert.deepEqual(check(`Buffer.concat(parts); ${reason}`, 1), []);
  assert.deepEqual(check(`${reason}\nBuffer.concat(parts);`, 1), []);
  assert.deepEqual(places(check(`${reason}\n\nBuffer.concat(parts);`, 1)), ['src/serve/a.ts:3', 'src/serve/a.ts:1']);
  assert.match(check(`Buffer.concat(parts); ${reason}`, 0)[0]?.message ?? '', /1 copy-ok here, 0 in/);
  assert.match(check('Buffer.concat(parts); // copy-ok', 1)[0]?.message ?? '', /without a reason/);
  assert.match(check('Buffer.concat(parts); // copy-ok: needed', 1)[0]?.message ?? '', /without a reason/);
  assert.match(check(`${reason}\nlist();`, 1)[0]?.message ?? '', /excuses nothing/);
});

test('the excuses of a project are counted by file', () => {
  const project = fixture({ 'src/serve/a.ts': 'a.copy(b); // copy-ok: a reason that is one\n', 'src/serve/b.ts': '' });
  assert.deepEqual([...countMarkers(project)], [['src/serve/a.ts', 1]]);
});
