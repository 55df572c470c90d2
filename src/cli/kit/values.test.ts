import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from './usage.js';
import { timeOf } from './values.js';

test('times: what is given comes back in milliseconds, and a bound is told in seconds, as a number without a unit is', () => {
  assert.equal(timeOf('duration', undefined), undefined);
  for (const [text, ms] of [
    ['10', 10_000],
    ['0.001', 1],
    ['500ms', 500],
    ['2m', 120_000],
    ['596h', 2_145_600_000],
  ] as const) {
    assert.equal(timeOf('duration', text), ms, text);
  }
  for (const text of ['', 'soon', '0', '0.0001', '0.5ms', '597h', '-1s', '1d']) {
    const sentence = `--duration is ${JSON.stringify(text)}, and must be a time from 0.001 s to 2145600 s, such as 500ms, 10s or 2m`;
    assert.throws(() => timeOf('duration', text), new UsageError(sentence), text);
  }
});
