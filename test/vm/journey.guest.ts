// In a guest: the measured journey on a kernel that patches functions. The same invariants as on tracepoints, and the points
// that only function entries show; before 6.14 the beginning of a send is one of them. Kernels before 6.2 are refused by name.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefusedError } from '../../src/bpf/refusals.js';
import { assertWhole, exchange, messagesOf } from '../../src/journey/support.test.js';
import { traceJourneys } from '../../src/journey/tracer.js';

const sizes = Array.from({ length: 20 }, (_, k) => 100 + k * 3000);
const functionPoints = ['transmit', 'internet', 'ipReceive', 'segment', 'tcpQueued'];

for (const host of ['127.0.0.1', '::1']) {
  test(`messages over ${host} on the function tier`, async (context) => {
    let tracer: ReturnType<typeof traceJourneys>;
    try {
      tracer = traceJourneys();
    } catch (error) {
      if (!(error instanceof RefusedError) || error.reason !== 'kernel-too-old') throw error;
      return context.skip(error.message);
    }
    try {
      assert.equal(tracer.tier, 'functions');
      const run = await exchange(sizes, { host });
      tracer.close();
      const { lost, unseen, stages, total } = tracer.read();
      assert.deepEqual(lost, []);
      for (const line of unseen) context.diagnostic(`not seen: ${line}`);
      for (const { from, to, count, p50Ns } of stages) context.diagnostic(`${from} > ${to}: ${count}, p50 ${p50Ns} ns`);
      context.diagnostic(`whole: ${total.count}, p50 ${total.p50Ns} ns`);
      const journeys = messagesOf(tracer, run);
      assert.deepEqual(
        journeys.map(({ bytes }) => bytes),
        sizes,
      );
      journeys.forEach((journey, k) => {
        assertWhole(journey);
        assert.equal(journey.outcome, 'read');
        const [first, last] = [journey.path[0]!.timeNs, journey.path.at(-1)!.timeNs];
        assert.ok(run.sent[k]!.beforeNs <= first && last <= run.received[k]!.afterNs, `message ${k}`);
      });
      // A segment that waits in the backlog while the reader holds its socket is queued late, not never.
      const seen = new Set(journeys.flatMap(({ path }) => path.map(({ point }) => point as string)));
      assert.deepEqual(
        functionPoints.filter((point) => !seen.has(point)),
        [],
      );
    } finally {
      tracer.close();
    }
  });
}
