import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { sampleReading } from '../sample.test.js';
import { meterFamilies } from './families.js';
import { OtlpExporter, otlpBody, otlpUrl } from './otlp.js';

const origin = { version: '1.2.3', subject: 'all processes', startMs: 1_700_000_000_000 };
const families = meterFamilies(sampleReading(), { processes: 1 });

interface Body {
  resourceMetrics: { scopeMetrics: { metrics: Metric[] }[] }[];
}
interface Metric {
  name: string;
  unit: string;
  sum?: { aggregationTemporality: number; isMonotonic: boolean; dataPoints: Record<string, unknown>[] };
  gauge?: { dataPoints: Record<string, unknown>[] };
}

test('the body is what the protocol asks for: cumulative sums, integers as strings, times in nanoseconds', () => {
  const body = otlpBody(families, origin, origin.startMs + 1500) as Body;
  const metrics = body.resourceMetrics[0]!.scopeMetrics[0]!.metrics;
  const payload = metrics.find(({ name }) => name === 'clearway.meter.payload')!;
  assert.equal(payload.unit, 'By');
  assert.deepEqual(payload.sum, {
    aggregationTemporality: 2,
    isMonotonic: true,
    dataPoints: [
      { direction: 'sent', asInt: '6000' },
      { direction: 'received', asInt: '300' },
    ].map(({ direction, asInt }) => ({
      attributes: [{ key: 'direction', value: { stringValue: direction } }],
      startTimeUnixNano: '1700000000000000000',
      timeUnixNano: '1700000001500000000',
      asInt,
    })),
  });
  const amplification = metrics.find(({ name }) => name === 'clearway.meter.amplification')!;
  assert.equal(amplification.gauge!.dataPoints[0]!['asDouble'], 0.175);
});

test('an endpoint without a path is given that of metrics', () => {
  assert.equal(otlpUrl('http://127.0.0.1:4318').href, 'http://127.0.0.1:4318/v1/metrics');
  assert.equal(otlpUrl('https://127.0.0.1/otlp/v1/metrics?a=1').href, 'https://127.0.0.1/otlp/v1/metrics?a=1');
  assert.throws(() => otlpUrl('file:///etc/passwd'), TypeError);
});

test('exports arrive; a collector that fails is named once, and once more when it works again', async () => {
  let status = 200;
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => {
      bodies.push(`${request.method} ${request.url} ${request.headers['content-type']} ${text}`);
      response.writeHead(status).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const said: string[] = [];
  const exporter = new OtlpExporter(otlpUrl(`http://127.0.0.1:${port}`), origin, (why) => said.push(why));
  await exporter.export(families);
  assert.match(bodies[0]!, /^POST \/v1\/metrics application\/json \{"resourceMetrics":/);
  assert.deepEqual(said, []);
  status = 503;
  await exporter.export(families);
  await exporter.export(families);
  assert.equal(said.length, 1);
  assert.match(said[0]!, /status 503/);
  status = 200;
  await Promise.all([exporter.export(families), exporter.export(families), exporter.finish(families)]);
  assert.match(said[1]!, /takes metrics again/);
  assert.equal(bodies.length, 5, 'two at a time are one; the last one is sent for itself');
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  await exporter.export(families);
  assert.match(said[2]!, /cannot be reached \(\w+\)/);
});
