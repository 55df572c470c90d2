import assert from 'node:assert/strict';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  CONTINUE_RESPONSE,
  decimalLength,
  encodeField,
  HeadWriter,
  isFieldValue,
  reasonPhrase,
  statusLine,
  writeDecimal,
  writeText,
} from './response.js';

const writer = new HeadWriter();

function text(bytes: Uint8Array, start: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(start, end));
}

describe('a response head', () => {
  test('is written line by line into its range', () => {
    const bytes = new Uint8Array(400).fill(0x7e);
    const length = writer
      .begin(bytes, 7, 390, 206)
      .constant(encodeField('Server: clearway\r\n'))
      .dateField('Date', 784111777)
      .field('ETag', '"a-b"')
      .decimalField('Content-Length', 1073741824)
      .contentRange(0, 500, 1073741824)
      .finish();
    assert.equal(
      text(bytes, 7, 7 + length),
      'HTTP/1.1 206 Partial Content\r\nServer: clearway\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nETag: "a-b"\r\n' +
        'Content-Length: 1073741824\r\nContent-Range: bytes 0-499/1073741824\r\n\r\n',
    );
    assert.equal(text(bytes, writer.dateOffset, writer.dateOffset + 29), 'Sun, 06 Nov 1994 08:49:37 GMT');
    assert.equal(bytes[6], 0x7e);
    assert.equal(bytes[7 + length], 0x7e);
  });

  test('that does not fit says so and writes nothing outside its range', () => {
    const write = (end: number, bytes: Uint8Array) =>
      writer
        .begin(bytes, 3, end, 200)
        .field('A', 'bcd')
        .dateField('Date', 0)
        .decimalField('X', 12)
        .contentRange(1, 2, 3)
        .finish();
    const plain = 'HTTP/1.1 200 OK\r\nA: bcd\r\n\r\n'.length;
    assert.equal(
      writer
        .begin(new Uint8Array(99), 3, 3 + plain, 200)
        .field('A', 'bcd')
        .finish(),
      plain,
      'an exact fit',
    );
    const exact = write(500, new Uint8Array(500));
    for (let end = 3; end < exact + 60; end++) {
      const bytes = new Uint8Array(500);
      // contentRange asks for the room of its longest form.
      const result = write(end, bytes);
      assert.ok(result === -1 || result === exact);
      if (end < 3 + exact) assert.equal(result, -1);
      assert.ok(bytes.subarray(end).every((byte) => byte === 0));
    }
  });

  test('cannot be split by any value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (value) => {
        const bytes = new Uint8Array(300);
        const length = writer.begin(bytes, 0, 300, 301).field('Location', value).finish();
        const head = text(bytes, 0, length);
        assert.equal(head.split('\r\n').length, 4);
        assert.equal(/[\r\n\0]/.test(head.replaceAll('\r\n', '')), false);
        if (isFieldValue(value)) assert.equal(head.split('\r\n')[1], `Location: ${value}`);
      }),
    );
  });

  test("is understood by Node's client", async () => {
    const bytes = new Uint8Array(400);
    const length = writer.begin(bytes, 0, 400, 200).field('X-A', 'b \xe9').decimalField('Content-Length', 2).finish();
    const server = createServer((socket) => {
      socket.write(bytes.subarray(0, length));
      socket.end('ok');
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) =>
      request({ port, host: '127.0.0.1' }, resolve).on('error', reject).end(),
    );
    assert.equal(response.statusCode, 200);
    assert.equal(response.statusMessage, 'OK');
    assert.equal(response.headers['x-a'], 'b \xe9');
    let body = '';
    for await (const piece of response) body += piece;
    assert.equal(body, 'ok');
    server.close();
  });
});

test('status lines', () => {
  assert.equal(text(statusLine(416), 0, 99), 'HTTP/1.1 416 Range Not Satisfiable\r\n');
  assert.equal(reasonPhrase(413), 'Content Too Large');
  assert.equal(reasonPhrase(599), '');
  assert.throws(() => statusLine(299), RangeError);
  assert.equal(text(CONTINUE_RESPONSE, 0, 99), 'HTTP/1.1 100 Continue\r\n\r\n');
});

test('decimals', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.maxSafeNat(),
        fc.nat(2000),
        fc.nat(15).map((power) => 10 ** power),
      ),
      (value) => {
        const bytes = new Uint8Array(20);
        assert.equal(text(bytes, 1, writeDecimal(bytes, 1, value)), String(value));
        assert.equal(decimalLength(value), String(value).length);
      },
    ),
  );
});

test('texts: what no field value may hold becomes a question mark', () => {
  const bytes = new Uint8Array(20);
  assert.equal(text(bytes, 0, writeText(bytes, 0, 'a\r\n\0\x7f\t\xff\u0100')), 'a????\t\xff?');
  assert.equal(isFieldValue('\xff'), true);
  assert.equal(isFieldValue('a b'), true);
  for (const value of ['a\n', ' a', 'a\t', '\u20ac', '\0', '\x7f']) assert.equal(isFieldValue(value), false, value);
});
