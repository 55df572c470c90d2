import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleReading } from '../sample.test.js';
import { meterFamilies } from './families.js';
import { prometheusText } from './prometheus.js';

test('families hold what the reading holds, and nothing the tier cannot see', () => {
  const families = meterFamilies(sampleReading(), { processes: 5 });
  const copied = families.find(({ name }) => name === 'clearway.meter.copied')!;
  assert.deepEqual(
    copied.points.map(({ labels, value }) => [labels['cause'], labels['direction'], value]),
    [
      ['tcpSent', 'sent', 1000],
      ['tcpReceived', 'received', 300],
      ['reverted', 'sent', 50],
    ],
  );
  const process = families.find(({ name }) => name === 'clearway.meter.process.copied')!;
  assert.deepEqual(process.points, [{ labels: { pid: '42', start: '9', command: 'nginx' }, value: 1350 }]);
  assert.ok(!meterFamilies(sampleReading(), { processes: 0 }).some(({ name }) => name.includes('process')));
});

test('the Prometheus text has the names, types and units of its conventions', () => {
  const text = prometheusText(meterFamilies(sampleReading(), { processes: 1 }));
  for (const line of [
    '# TYPE clearway_meter_copied_bytes_total counter',
    'clearway_meter_copied_bytes_total{cause="tcpSent",movement="user-to-kernel",direction="sent"} 1000',
    'clearway_meter_referenced_bytes_total{cause="spliced"} 5000',
    'clearway_meter_payload_bytes_total{direction="received"} 300',
    'clearway_meter_amplification{direction="sent"} 0.175',
    'clearway_meter_events_total{event="sendCalls"} 7',
    'clearway_meter_info{tier="tracepoints"} 1',
    'clearway_meter_lost_bytes_total 0',
    'clearway_meter_process_payload_bytes_total{pid="42",start="9",command="nginx"} 6300',
  ]) {
    assert.ok(text.split('\n').includes(line), `${line}\nis not in\n${text}`);
  }
  const sample = /^[a-z_]+(?:\{(?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? [0-9.e+-]+$/;
  for (const line of text.trimEnd().split('\n')) assert.match(line, line.startsWith('#') ? /^# (HELP|TYPE) / : sample);
});

test('a name cannot break out of its label', () => {
  const text = prometheusText(meterFamilies(sampleReading('a"b\\c\nd\x1b[31m'), { processes: 1 }));
  assert.ok(text.includes(String.raw`command="a\"b\\c?d?[31m"`), text);
  assert.ok(!text.includes('\x1b'));
});
