import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readConfigFile } from './config-file.js';

const folder = mkdtempSync(join(tmpdir(), 'clearway-config-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'a.json');

function read(text: string) {
  writeFileSync(path, text);
  return readConfigFile(path);
}

test('a file says where each of its options stands', () => {
  const { options, placeOf } = read(
    '\ufeff{\n  "root": "port", "log": "none",\n  "headers": {"port": "x",\n "/a": {"host": null}},\n  "po\\u0072t" :\n 80,\n  "pin": ["spa", {"spa": 1}]\n}\n',
  );
  assert.deepEqual(Object.keys(options), ['root', 'log', 'headers', 'port', 'pin']);
  const lines = { root: 2, log: 2, headers: 3, port: 5, pin: 7 };
  for (const [name, line] of Object.entries(lines)) assert.equal(placeOf(name), `${path}:${line}: `, name);
  // A value and a key within another are none of its options.
  for (const name of ['none', 'host', 'spa', '/a', '']) assert.equal(placeOf(name), '', name);
});

test('of an option that is given twice the last counts, and is shown', () => {
  const { options, placeOf } = read('{"port": 1,\n"spa": true,\n"port": 2}');
  assert.equal(options['port'], 2);
  assert.equal(placeOf('port'), `${path}:3: `);
});

test('what is no JSON is told with its line', () => {
  assert.throws(() => read('{\n "port": 80,\n  spa: true\n}'), /a\.json is not JSON: .*\(line 3\b[^\n]*\)$/);
  assert.throws(() => read('{'), /is not JSON/);
  for (const text of ['[1]', 'null', '7']) assert.throws(() => read(text), /must hold one JSON object$/);
  assert.throws(() => readConfigFile(join(folder, 'none.json')), /cannot be read: /);
});
