// Where every number comes from: the terms of each stage and, for each constant used, its value, unit, conditions, source and kind.

import type { Constant, ConstantId } from '../facts/constants.js';
import { lookupFor } from '../facts/hosts.js';
import type { BoundStage, Journey } from '../stages/journey.js';

export interface ExplainedTerm {
  label: string;
  constant: string | null;
  each: number;
  unit: string;
  count: number;
  ns: number;
}

export interface ExplainedStage {
  id: string;
  label: string;
  side: string;
  resource: string;
  grain: string;
  busyNs: number;
  latencyNs: number;
  bytes: number;
  terms: ExplainedTerm[];
  afterwards: boolean;
}

export interface ExplainedConstant extends Constant {
  id: string;
}

function explainStage(stage: BoundStage, afterwards: boolean): ExplainedStage {
  const terms = [...stage.terms, ...stage.latencyTerms].map((term) => ({
    label: term.label,
    constant: term.constant ?? null,
    each: term.each,
    unit: term.unit,
    count: term.count,
    ns: term.ns,
  }));
  return {
    id: stage.id,
    label: stage.label,
    side: stage.side,
    resource: stage.resourceId,
    grain: stage.grain,
    busyNs: stage.serviceNs,
    latencyNs: stage.latencyNs,
    bytes: stage.bytes,
    terms,
    afterwards,
  };
}

const always: ConstantId[] = ['cores.contention', 'ack.segments'];
const ofTheLink: ConstantId[] = [
  'pcie.dll',
  'pcie.header.common',
  'pcie.header.request',
  'pcie.header.completion',
  'pcie.dllp',
  'pcie.skip.length',
  'pcie.skip.interval',
  'pcie.msi',
  'pcie.pointer',
];
const ofTheWire: ConstantId[] = ['eth.header', 'eth.fcs', 'eth.preamble', 'eth.gap', 'eth.minimum'];
const ofTheHeaders: ConstantId[] = ['ip4.header', 'ip6.header', 'tcp.header', 'tcp.timestamps', 'udp.header'];

/** Stages with their terms, and the constants they use. */
export function explain(journey: Journey): { stages: ExplainedStage[]; constants: ExplainedConstant[] } {
  const stages = [
    ...journey.stages.map((stage) => explainStage(stage, false)),
    ...journey.afterwards.map((stage) => explainStage(stage, true)),
  ];
  const used = new Set<ConstantId>(always);
  for (const stage of [...journey.stages, ...journey.afterwards]) {
    for (const term of [...stage.terms, ...stage.latencyTerms]) if (term.constant) used.add(term.constant);
    if (stage.resource === 'PCIe up' || stage.resource === 'PCIe down') for (const id of ofTheLink) used.add(id);
    if (stage.resource === 'wire' || stage.resource === 'wire out')
      for (const id of [...ofTheWire, ...ofTheHeaders]) used.add(id);
    if (journey.scenario.vlan && stage.resource === 'wire') used.add('eth.vlan');
  }
  const look = lookupFor(journey.host, journey.scenario.constants);
  return { stages, constants: [...used].sort().map((id) => ({ id, ...look(id) })) };
}
