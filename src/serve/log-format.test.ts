// Lines of the access log against a model that makes them of strings, for any bytes from outside.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../memory/region.js';
import { LogEntry } from './log-entry.js';
import { lineFormat, mostLineBytes } from './log-format.js';
import { wayNames } from './metrics.js';

interface Told {
  readonly peer: string;
  readonly timeMs: number;
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly status: number;
  readonly bodyBytes: number;
  readonly way: number;
  readonly latencyMs: number;
  readonly referer: string;
  readonly userAgent: string;
}

const hexOf = (character: string): string => character.charCodeAt(0).toString(16).padStart(2, '0');

function combined(told: Told): string {
  const quoted = (text: string): string =>
    `"${text === '' ? '-' : text.replace(/[^\x20-\x7e]|["\\]/g, (character) => `\\x${hexOf(character)}`)}"`;
  const [, month, day, year, time] = /^\w+ (\w+) (\d+) (\d+) ([\d:]+)/.exec(inUtc(told.timeMs))!;
  const line = quoted(`${told.method} ${told.target} ${told.version}`);
  const { peer, status, bodyBytes, referer, userAgent } = told;
  return `${peer} - - [${day}/${month}/${year}:${time} +0000] ${line} ${status} ${bodyBytes} ${quoted(referer)} ${quoted(userAgent)}\n`;
}

/** A time as `Fri Nov 29 2024 10:20:30`, of UTC. */
function inUtc(timeMs: number): string {
  const [weekday, day, month, year, time] = new Date(timeMs).toUTCString().replace(',', '').split(' ');
  return `${weekday} ${month} ${day} ${year} ${time}`;
}

/** Any bytes, with many that are plain; one character each. */
const bytes = fc
  .array(fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 0x21, max: 0x7e }) }, fc.nat(255)), { maxLength: 40 })
  .map((codes) => String.fromCharCode(...codes));

const told: fc.Arbitrary<Told> = fc.record({
  peer: fc.constantFrom('127.0.0.1', '::1', '-'),
  timeMs: fc.integer({ min: 1.6e12, max: 2e12 }),
  method: fc.constantFrom('GET', 'HEAD', 'BREW'),
  target: bytes.map((text) => `/${text.replaceAll(' ', '_')}`),
  version: fc.constantFrom('HTTP/1.1', 'HTTP/1.0'),
  status: fc.integer({ min: 100, max: 599 }),
  bodyBytes: fc.oneof(fc.nat(2000), fc.maxSafeNat(), fc.constantFrom(2 ** 30 - 1, 2 ** 30, 2 ** 31, 999_999_999_999)),
  way: fc.nat(wayNames.length - 1),
  latencyMs: fc.integer({ min: 0, max: 1e7 }).map((us) => us / 1024),
  referer: bytes,
  userAgent: bytes,
});

function entryOf(each: Told): LogEntry {
  const entry = new LogEntry();
  entry.setPeerName(each.peer);
  const line = `${each.method} ${each.target} ${each.version}`;
  entry.bytes = Uint8Array.from(line + each.referer + each.userAgent, (character) => character.charCodeAt(0));
  entry.data = new DataView(entry.bytes.buffer);
  entry.timeMs = each.timeMs;
  entry.lineLength = line.length;
  entry.methodLength = each.method.length;
  entry.targetLength = each.target.length;
  entry.refererLength = each.referer.length;
  entry.userAgentLength = each.userAgent.length;
  return entry;
}

describe('lines of the access log', { skip: process.platform === 'linux' ? false : 'needs Linux' }, () => {
  const memory = new Region(64 * 1024);
  const write = (format: 'combined' | 'json', each: Told): Buffer => {
    const entry = entryOf(each);
    const at = 100;
    const end = lineFormat(format, memory).write(at, entry, each.status, each.bodyBytes, each.way, each.latencyMs);
    assert.ok(end - at <= mostLineBytes(entry), `${end - at} bytes, ${mostLineBytes(entry)} at most`);
    return Buffer.from(memory.bytes.subarray(at, end));
  };

  test('combined is what the model says, for any bytes', () => {
    fc.assert(fc.property(told, (each) => assert.equal(write('combined', each).toString('latin1'), combined(each))));
  });

  test('json is read back as it was, for any bytes, and holds no control', () => {
    fc.assert(
      fc.property(told, (each) => {
        const line = write('json', each).toString('utf8');
        assert.ok(line.endsWith('}\n'));
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
        assert.doesNotMatch(line.slice(0, -1), /[\x00-\x1f\x7f-\x9f]/);
        const { timeMs, latencyMs, way, ...rest } = each;
        const time = new Date(timeMs).toISOString();
        const expected = { ...rest, time, way: wayNames[way], latencyUs: Math.trunc(latencyMs * 1000) };
        assert.deepEqual(JSON.parse(line), expected);
      }),
    );
  });

  test('a peer that somebody else named keeps to its field', () => {
    const entry = new LogEntry();
    entry.setPeerName(`1.2.3.4" - \n\\\x7f\u00e9${'x'.repeat(100)}`);
    const name = Buffer.from(entry.peer).toString('latin1');
    assert.equal(name, `1.2.3.4??-?????${'x'.repeat(100)}`.slice(0, 64));
  });
});
