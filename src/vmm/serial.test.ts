import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Serial } from './serial.js';

const put = (serial: Serial, text: string): void => {
  for (const byte of Buffer.from(text, 'latin1')) serial.put(byte);
};

test('bytes become lines; what is no letter is shown as one, and a line without an end is cut so that a pipe takes it whole', () => {
  const said: string[] = [];
  const serial = new Serial((line) => said.push(line) > 0);
  put(serial, 'one\r\n\n\ttwo\x07\xff\n');
  assert.deepEqual(said.splice(0), ['one', ' two??']);
  put(serial, 'x'.repeat(8001));
  serial.flush();
  assert.deepEqual(
    said.map((line) => line.length),
    [4000, 4000, 1],
  );
});

test('lines that are too many, or that nobody takes, are counted', () => {
  let isTaken = true;
  let said = 0;
  const serial = new Serial(() => {
    said++;
    return isTaken;
  }, 1e9);
  put(serial, 'a\n'.repeat(10));
  isTaken = false;
  put(serial, 'b\n'.repeat(10));
  assert.deepEqual([said, serial.dropped], [20, 10]);
  const short = new Serial(() => true, 0);
  put(short, 'a\n'.repeat(3));
  assert.equal(short.dropped, 3);
});

test('long lines are no way around it: bytes of a second are bounded as well', () => {
  let bytes = 0;
  const serial = new Serial((line) => {
    bytes += line.length;
    return true;
  });
  const sinceMs = performance.now();
  put(serial, `${'x'.repeat(3999)}\n`.repeat(50));
  const seconds = Math.ceil((performance.now() - sinceMs) / 1000) + 1;
  assert.ok(bytes >= 3999 * 4 && bytes <= 16_000 * seconds, `${bytes} bytes in ${seconds} s`);
  assert.equal(serial.dropped, 50 - bytes / 3999);
});

test('a line that was not passed on takes nothing of the second', () => {
  let isTaken = false;
  const said: string[] = [];
  const serial = new Serial((line) => isTaken && said.push(line) > 0, 2);
  put(serial, 'a\n'.repeat(10));
  isTaken = true;
  put(serial, 'b\nc\n');
  assert.deepEqual(said.splice(0), ['b', 'c']);
  const long = new Serial((line) => said.push(line) > 0);
  put(long, `${'x'.repeat(3999)}\n`.repeat(5));
  put(long, 'end\n');
  assert.equal(said.at(-1), 'end');
});
