import assert from 'node:assert/strict';
import { test } from 'node:test';
import { repeated } from '../../../test/support/long.js';
import { randomScenario } from '../../../test/support/random-scenario.js';
import { defaultScenario } from '../scenario.js';
import { buildJourney } from '../stages/journey.js';
import { boundOf, busyNsOf } from './bound.js';
import { loadedLatency } from './queueing.js';
import { simulate } from './simulate.js';
import { timelineOf } from './timeline.js';

const scenarios = repeated(1000);

test(`the bound and the simulation agree within 2 % over ${scenarios} random scenarios without variance`, () => {
  const bottlenecks = new Set<string>();
  let [connections, changed] = [0, 0];
  for (let seed = 1; seed <= scenarios; seed += 1) {
    const journey = buildJourney(randomScenario(seed));
    const bound = boundOf(journey);
    const servers = Math.max(...journey.resources.map((resource) => resource.servers));
    const simulated = simulate(journey, { messages: 200 + 100 * servers, seed });
    const ratio = simulated.messagesPerSecond / bound.throughput.messagesPerSecond;
    const about = () =>
      `seed ${seed}: ratio ${ratio.toFixed(4)}, bottleneck ${bound.bottleneck}, ${JSON.stringify(journey.scenario)}`;
    assert.ok(Math.abs(ratio - 1) <= 0.02, about());
    assert.equal(simulated.bytesIn, simulated.bytesOut + simulated.bytesDropped, about());
    assert.equal(simulated.inFlight, 0, about());
    for (const share of Object.values(simulated.utilisation)) assert.ok(share <= 1 + 1e-9, about());
    for (const one of bound.utilisation) assert.ok(one.share <= 1 + 1e-12, about());
    bottlenecks.add(bound.bottleneck);
    if (journey.resources.some((one) => one.kind === 'connections')) connections += 1;
    const without = { ...journey.scenario, tc: 'none', capture: false, tunnel: 'none' } as const;
    const alone = buildJourney(without).stages;
    if (journey.stages.some((one) => one.busyNs !== alone.find(({ id }) => id === one.id)?.busyNs)) changed += 1;
  }
  assert.ok(bottlenecks.has('sender connections'), 'no scenario in which the number of connections binds');
  assert.ok(connections >= scenarios / 10, `only ${connections} scenarios have connections`);
  assert.ok(
    changed >= scenarios / 5,
    `traffic control, captures and tunnels change the cost of only ${changed} scenarios`,
  );
  assert.ok(bottlenecks.size >= 6, `the scenarios reach only the bottlenecks ${[...bottlenecks].join(', ')}`);
});

test('the same seed gives the same run, another seed another one', () => {
  const journey = buildJourney(defaultScenario());
  const run = (seed: number) => simulate(journey, { messages: 500, seed, arrivalsPerSecond: 40_000, variance: 1 });
  assert.deepEqual(run(7), run(7));
  assert.notDeepEqual(run(7), run(8));
});

test('an overloaded finite queue drops, and what it drops is accounted for', () => {
  const journey = buildJourney(defaultScenario());
  const bound = boundOf(journey).throughput.messagesPerSecond;
  const result = simulate(journey, { messages: 4000, seed: 3, arrivalsPerSecond: 3 * bound, queueLimit: 16 });
  assert.ok(result.dropped > 0);
  assert.equal(result.bytesIn, result.bytesOut + result.bytesDropped);
  assert.ok(result.messagesPerSecond <= bound * 1.02);
});

test('loaded latency of one queue follows M/D/1', () => {
  const scenario = { ...defaultScenario(), path: 'pktgen-qdisc' as const, message: 64, polling: true };
  const journey = buildJourney(scenario);
  const bound = boundOf(journey);
  const unloaded = timelineOf(journey).latencyNs;
  const expected = loadedLatency(journey, bound, unloaded, 0.7, 'M/D/1');
  const arrivals = bound.throughput.messagesPerSecond * 0.7;
  const simulated = simulate(journey, { messages: 60_000, seed: 11, arrivalsPerSecond: arrivals, queueLimit: 100_000 });
  const ratio = simulated.meanLatencyNs / expected.latencyNs;
  assert.ok(Math.abs(ratio - 1) < 0.05, `simulated over M/D/1: ${ratio}`);
});

test('bytes on the wire and the buses are those of the message, whatever the way', () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const journey = buildJourney(randomScenario(seed));
    const wire = journey.stages.find((stage) => stage.id === 'wire');
    const payload = journey.scenario.path === 'socket' ? journey.scenario.message : 1;
    if (wire) assert.ok(wire.bytes >= payload, `seed ${seed}: the wire carries less than the message`);
    const read = journey.stages.find((stage) => stage.id === 'dma-read');
    if (read && journey.scenario.path === 'socket')
      assert.ok(read.bytes >= payload * 0.999, `seed ${seed}: ${read.bytes} < ${payload}`);
    for (const resource of journey.resources) assert.ok(busyNsOf(journey, resource) >= 0);
  }
});
