// Everything `clearway plan` answers about one scenario, as one plain object: the shape of `--json`, of the text report and of the page.

import type { Host } from '../facts/hosts.js';
import { nics } from '../facts/nics.js';
import { layoutOf, type Piece } from '../packing/layout.js';
import { type PackResult, pack } from '../packing/pack.js';
import { type Prediction, type PredictPath, predict } from '../packing/predict.js';
import type { Scenario, Way } from '../scenario.js';
import type { Counts } from '../stages/counts.js';
import { isEchoPath } from '../stages/echo.js';
import { maximumSegment } from '../stages/ethernet.js';
import { buildJourney, type Journey } from '../stages/journey.js';
import { isRequestPath } from '../stages/request.js';
import { type Advice, adviceFor } from './advice.js';
import { type Bound, boundOf, processorNs } from './bound.js';
import { type BreakEven, breakEvens, type CoalescingThreshold, coalescingThreshold } from './breakeven.js';
import { type Comparison, compareBypass, compareGuests, compareWays } from './compare.js';
import { type ExplainedConstant, type ExplainedStage, explain } from './explain.js';
import { type LoadedLatency, loadedLatency } from './queueing.js';
import { type Timeline, timelineOf } from './timeline.js';

export interface Answer {
  scenario: Scenario;
  host: { title: string; source: string };
  counts: Counts;
  throughput: Bound['throughput'];
  bottleneck: { resource: string; sentence: string; next: Bound['next'] };
  utilisation: Bound['utilisation'];
  cpu: {
    senderNsPerMessage: number;
    receiverNsPerMessage: number;
    nsPerByte: number;
    secondsPerGiB: number;
  };
  latency: { unloadedNs: number; serialNs: number; loaded: LoadedLatency };
  timeline: Timeline;
  ways: Comparison[];
  guests: Comparison[];
  /** Servers that answer frames or requests: through the kernel, and past it. */
  bypass: Comparison[];
  breakEven: BreakEven[];
  coalescing: CoalescingThreshold;
  packing: (Omit<PackResult, 'exact' | 'greedy'> & { exact: PackSummary; greedy: PackSummary }) | null;
  prediction: Prediction | null;
  advice: Advice[];
  stages: ExplainedStage[];
  constants: ExplainedConstant[];
}

interface PackSummary {
  handoffs: number;
  descriptors: number;
  bytesPerHandoff: number;
  linearisedBytes: number;
}

export interface AnswerOptions {
  /** Ways to compare; all that apply when left out. */
  ways?: readonly Way[];
  /** This host's calibrated profile, for `host: here`. */
  here?: Host;
}

const largestPacked = 256 * 1024;
/** Steps the packing may take: cut points times packets of a super-packet. Tiny packets get fewer cut points. */
const packingSteps = 131_072;

/** The payload of a scenario as pieces: equal fragments, the last one shorter. */
function scenarioLayout(scenario: Scenario): Piece[] {
  const { message, fragments } = scenario;
  const each = Math.ceil(message / fragments);
  const lengths: number[] = [];
  for (let left = message; left > 0; left -= each) lengths.push(Math.min(each, left));
  return layoutOf(lengths);
}

/** What the scenario says about the path, in the words of predict(). */
function scenarioPath(scenario: Scenario): PredictPath {
  const { way, device, firewall, guest } = scenario;
  const path: PredictPath = {
    way: way === 'bypass' ? 'send_zc_fixed' : way,
    protocol: scenario.protocol === 'udp' ? 'udp' : 'tcp',
    ip: scenario.ip,
    gsoMax: scenario.gsoMax,
    maxFrags: scenario.maxFrags,
    page: scenario.page,
    mtu: scenario.mtu,
    tso: scenario.offload === 'tso',
  };
  if (device === 'nic') path.nic = guest === 'none' || guest === 'passthrough' ? scenario.nicProfile : 'virtio-net';
  if (device === 'loopback' || device === 'veth') path.local = device;
  if (guest === 'emulated' || guest === 'virtio') path.tap = true;
  if (guest === 'vhost') path.vhost = true;
  const rules: NonNullable<PredictPath['firewall']>[number][] = [];
  if (firewall === 'raw') rules.push('raw');
  else if (firewall === 'helper') rules.push('conntrack', 'sip-helper');
  else if (firewall === 'nfqueue' || firewall === 'nfqueue-gso') rules.push('conntrack', firewall);
  else if (firewall === 'conntrack') rules.push('conntrack');
  if (rules.length > 0) path.firewall = rules;
  if (scenario.tc !== 'none') path.tc = [scenario.tc];
  if (scenario.capture) path.capture = true;
  if (scenario.tunnel !== 'none') {
    path.encapsulation = scenario.tunnel;
    path.encapsulationOffload = scenario.tunnelOffload;
  }
  return path;
}

function packingOf(scenario: Scenario): Answer['packing'] {
  if (scenario.path !== 'socket' || scenario.offload !== 'tso') return null;
  const nic = nics[scenario.nicProfile];
  const segment = Math.max(1, maximumSegment(scenario.mtu, scenario));
  const message = { ...scenario, message: Math.min(scenario.message, largestPacked) };
  const reference = scenario.way !== 'copy' && scenario.way !== 'gather';
  const layout = reference ? scenarioLayout(message) : layoutOf([message.message]);
  const maxBytes = Math.max(segment, Math.min(nic.tsoBytes, scenario.gsoMax) - 66);
  const packets = Math.min(maxBytes, message.message) / segment;
  const points = Math.max(16, Math.min(256, Math.floor(packingSteps / packets)));
  const result = pack(layout, {
    maxBytes,
    maxDescriptors: Math.min(nic.descriptorsPerSuper, scenario.maxFrags),
    bytesPerDescriptor: Math.min(nic.bytesPerDescriptor, reference ? scenario.page : 32_768),
    segmentBytes: segment,
    maxDescriptorsPerPacket: nic.descriptorsPerPacket,
    granularity: Math.max(segment, Math.ceil(message.message / points / segment) * segment),
  });
  const short = (one: PackResult['exact']): PackSummary => ({
    handoffs: one.handoffs,
    descriptors: one.descriptors,
    bytesPerHandoff: one.bytesPerHandoff,
    linearisedBytes: one.linearisedBytes,
  });
  return { exact: short(result.exact), greedy: short(result.greedy), gain: result.gain };
}

/** One sentence on what binds and what comes next. */
function bottleneckSentence(bound: Bound): string {
  const next = bound.next;
  const first = `The bottleneck is the ${bound.bottleneck}.`;
  if (!next) return first;
  const percent = Math.round((next.gain - 1) * 100);
  if (percent < 3) return `${first} The ${next.resource} is as full: relieving one alone gives nothing.`;
  const more = percent > 400 ? `${next.gain.toFixed(1)} times as much` : `${percent} % more`;
  return `${first} Without it there would be ${more}, and the ${next.resource} would bind.`;
}

/** Answers one scenario: a few ms of processor time, however long its message is. */
export function answer(scenario: Scenario, options: AnswerOptions = {}): Answer {
  const { here } = options;
  const journey: Journey = buildJourney(scenario, here);
  const bound = boundOf(journey);
  const timeline = timelineOf(journey);
  const cost = processorNs(journey);
  const sockets = scenario.path === 'socket';
  const { stages, constants } = explain(journey);
  return {
    scenario,
    host: { title: journey.host.title, source: journey.host.source },
    counts: journey.counts,
    throughput: bound.throughput,
    bottleneck: { resource: bound.bottleneck, sentence: bottleneckSentence(bound), next: bound.next },
    utilisation: bound.utilisation,
    cpu: {
      senderNsPerMessage: cost.sender,
      receiverNsPerMessage: cost.receiver,
      nsPerByte: cost.total / scenario.message,
      secondsPerGiB: ((cost.total / scenario.message) * 2 ** 30) / 1e9,
    },
    latency: {
      unloadedNs: timeline.latencyNs,
      serialNs: timeline.serialNs,
      loaded: loadedLatency(journey, bound, timeline.latencyNs, scenario.load, scenario.queue),
    },
    timeline,
    ways: sockets ? compareWays(scenario, options.ways, here) : [],
    guests: sockets && scenario.device === 'nic' ? compareGuests(scenario, here) : [],
    bypass: isEchoPath(scenario.path) || isRequestPath(scenario.path) ? compareBypass(scenario, here) : [],
    breakEven: sockets ? breakEvens(scenario, ['zerocopy', 'send_zc', 'send_zc_fixed'], here) : [],
    coalescing: coalescingThreshold(scenario, here),
    packing: packingOf(scenario),
    prediction: sockets && scenario.way !== 'bypass' ? predict(scenarioLayout(scenario), scenarioPath(scenario)) : null,
    advice: adviceFor(scenario, here),
    stages,
    constants,
  };
}
