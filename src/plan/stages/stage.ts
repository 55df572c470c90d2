// The shape of a stage: what it costs, term by term, on which resource, and at which grain it runs. Every term names its constant or the
// rule that gave it, so that no number is an orphan. The stages themselves are in stages-*.ts.

import type { Constant, ConstantId } from '../facts/constants.js';
import type { Host } from '../facts/hosts.js';
import { type ConstantLookup, lookupFor } from '../facts/hosts.js';
import { linkOf, type Scenario } from '../scenario.js';
import { nsPerTlpByte, type PcieLink } from './pcie.js';

export type ResourceKind =
  | 'core'
  | 'softirq core'
  | 'vhost core'
  | 'memory bus'
  | 'PCIe up'
  | 'PCIe down'
  | 'DMA reads in flight'
  | 'IOMMU walker'
  | 'connections'
  | 'wire'
  | 'wire out';

export type Side = 'sender' | 'receiver' | 'network';

/** One term of a cost law: `each` nanoseconds times `count`. */
export interface Term {
  label: string;
  /** The constant it comes from; undefined for bytes over a bandwidth, whose rule is the label. */
  constant?: ConstantId;
  each: number;
  unit: string;
  count: number;
  ns: number;
}

export interface Stage {
  id: string;
  label: string;
  side: Side;
  resource: ResourceKind;
  /** The smallest unit it works on: a whole message, a super-packet, or a packet. */
  grain: 'message' | 'super' | 'packet';
  terms: Term[];
  /** Nanoseconds the resource is busy for one message. */
  busyNs: number;
  /** Nanoseconds that pass without occupying anything (a DMA read's latency, propagation, an interrupt). */
  latencyNs: number;
  /** Terms of that latency. */
  latencyTerms: Term[];
  /** Bytes carried, for buses and the wire. */
  bytes: number;
}

/** Everything stages are built from. */
export interface Workshop {
  scenario: Scenario;
  look: ConstantLookup;
  link: PcieLink;
  nsPerLinkByte: number;
}

/** The workshop of a scenario on a host. */
export function workshopFor(scenario: Scenario, host: Host): Workshop {
  const link = linkOf(scenario);
  return { scenario, look: lookupFor(host, scenario.constants), link, nsPerLinkByte: nsPerTlpByte(link) };
}

/** A term: a constant of the host times a count. Units of microseconds are turned into nanoseconds. */
export function term(shop: Workshop, id: ConstantId, count: number, label: string): Term {
  const constant: Constant = shop.look(id);
  const each = constant.unit.startsWith('us') ? constant.value * 1000 : constant.value;
  return { label, constant: id, each, unit: constant.unit, count, ns: each * count };
}

/** A term that is bytes over a bandwidth. */
export function byteTerm(label: string, bytes: number, nsPerByte: number): Term {
  return { label, each: nsPerByte, unit: 'ns/B', count: bytes, ns: bytes * nsPerByte };
}

export interface StageParts {
  id: string;
  label: string;
  side: Side;
  resource: ResourceKind;
  grain: Stage['grain'];
  terms: Term[];
  latency?: Term[];
  bytes?: number;
}

/** Sums a stage up; terms that cost nothing are left out. */
export function stage(parts: StageParts): Stage {
  const terms = parts.terms.filter((one) => one.ns > 0);
  const latencyTerms = (parts.latency ?? []).filter((one) => one.ns > 0);
  const sum = (list: Term[]): number => list.reduce((total, one) => total + one.ns, 0);
  return {
    id: parts.id,
    label: parts.label,
    side: parts.side,
    resource: parts.resource,
    grain: parts.grain,
    terms,
    busyNs: sum(terms),
    latencyNs: sum(latencyTerms),
    latencyTerms,
    bytes: parts.bytes ?? 0,
  };
}
