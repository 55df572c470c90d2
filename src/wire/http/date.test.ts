import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatHttpDate, parseHttpDate } from './date.js';

const NOW = Date.UTC(2026, 10, 23) / 1000;

test('the three forms of the same time (RFC 9110 section 5.6.7)', () => {
  assert.equal(parseHttpDate('Sun, 06 Nov 1994 08:49:37 GMT', NOW), 784111777);
  assert.equal(parseHttpDate('Sunday, 06-Nov-94 08:49:37 GMT', NOW), 784111777);
  assert.equal(parseHttpDate('Sun Nov  6 08:49:37 1994', NOW), 784111777);
  assert.equal(formatHttpDate(784111777), 'Sun, 06 Nov 1994 08:49:37 GMT');
});

test('a two-digit year is at most 50 years ahead', () => {
  const year = (twoDigits: string, now: number) => {
    const seconds = parseHttpDate(`Monday, 23-Nov-${twoDigits} 00:00:00 GMT`, now);
    return new Date(seconds! * 1000).getUTCFullYear();
  };
  assert.equal(year('26', NOW), 2026);
  assert.equal(year('76', NOW), 2076, 'exactly 50 years');
  assert.equal(year('77', NOW), 1977);
  assert.equal(year('76', NOW - 1), 1976, '50 years and a second');
  assert.equal(year('00', NOW), 2000);
  assert.equal(year('99', NOW), 1999);
  assert.equal(year('10', Date.UTC(2080, 0, 1) / 1000), 2110);
});

test('what is no date', () => {
  for (const text of [
    '',
    '0',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    'sun, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 nov 1994 08:49:37 GMT',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 94 08:49:37 GMT',
    'Sun 06 Nov 1994 08:49:37 GMT',
    'Sun,  06 Nov 1994 08:49:37 GMT',
    ' Sun, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT ',
    'Sun, 06 Nov 1994 8:49:37 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun, 31 Nov 1994 08:49:37 GMT',
    'Sun, 31 Apr 1994 08:49:37 GMT',
    'Sun, 31 Jun 1994 08:49:37 GMT',
    'Sun, 31 Sep 1994 08:49:37 GMT',
    'Sun, 32 Dec 1994 08:49:37 GMT',
    'Tue, 29 Feb 2022 08:49:37 GMT',
    'Thu, 29 Feb 1900 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:00 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun, 06-Nov-94 08:49:37 GMT',
    'Sunday, 06-Nov-1994 08:49:37 GMT',
    'Sun Nov 06 08:49:37 94',
    'Sun Nov 6 08:49:37 1994',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
  ]) {
    assert.equal(parseHttpDate(text, NOW), undefined, text);
  }
  assert.notEqual(parseHttpDate('Thu, 29 Feb 2024 23:59:60 GMT', NOW), undefined);
  assert.notEqual(parseHttpDate('Sun Nov 06 08:49:37 1994', NOW), undefined);
});

test('dates round trip, and Date agrees', () => {
  const seconds = fc.integer({ min: -62167219200, max: 253402300799 });
  fc.assert(
    fc.property(seconds, (time) => {
      const text = formatHttpDate(time);
      const date = new Date(time * 1000);
      if (date.getUTCFullYear() >= 0) assert.equal(text, date.toUTCString());
      assert.equal(parseHttpDate(text, NOW), time);
    }),
    { numRuns: 3000 },
  );
});

test('the other two forms round trip', () => {
  fc.assert(
    fc.property(fc.integer({ min: NOW - 49 * 31556952, max: NOW + 49 * 31556952 }), (time) => {
      const [, day, month, year, clock] = /^..., (..) (...) (....) (\S+) GMT$/.exec(
        formatHttpDate(time),
      ) as unknown as string[];
      assert.equal(parseHttpDate(`Friday, ${day}-${month}-${year!.slice(2)} ${clock} GMT`, NOW), time);
      assert.equal(parseHttpDate(`Fri ${month} ${day!.replace(/^0/, ' ')} ${clock} ${year}`, NOW), time);
    }),
  );
});

test('years that the form cannot hold are clamped, fractions cut', () => {
  assert.equal(formatHttpDate(1e15), 'Fri, 31 Dec 9999 23:59:59 GMT');
  assert.equal(formatHttpDate(-1e15), 'Sat, 01 Jan 0000 00:00:00 GMT');
  assert.equal(formatHttpDate(0.999), 'Thu, 01 Jan 1970 00:00:00 GMT');
  assert.equal(formatHttpDate(-0.5), 'Wed, 31 Dec 1969 23:59:59 GMT');
});
