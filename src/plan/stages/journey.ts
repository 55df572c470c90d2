// From a scenario to its stages and resources: the list every answer is computed from (bound.ts, timeline.ts, simulate.ts, report.ts).

import { type Host, type HostId, hosts } from '../facts/hosts.js';
import type { Scenario } from '../scenario.js';
import { wireStage } from './bus.js';
import { type Counts, countsOf } from './counts.js';
import { isPacketPath, packetStages } from './packet.js';
import { receiveSocketStages } from './receive.js';
import { afterSendStages, isServedLocally, roundTripStage, sendStages } from './send.js';
import { type ResourceKind, type Side, type Stage, type Workshop, workshopFor } from './stage.js';

export interface Resource {
  id: string;
  label: string;
  kind: ResourceKind;
  side: Side;
  /** Servers that work side by side: cores, or 1. */
  servers: number;
  /** Factor by which each server is slower because others share caches and memory (1: not at all). */
  slowdown: number;
}

/** A stage bound to its resource; `serviceNs` is what the resource is busy, contention included. */
export interface BoundStage extends Stage {
  resourceId: string;
  serviceNs: number;
}

export interface Journey {
  scenario: Scenario;
  host: Host;
  counts: Counts;
  /** In the order of the time line; those after `stages` cost time but do not delay the message. */
  stages: BoundStage[];
  afterwards: BoundStage[];
  resources: Resource[];
}

/** The host of a scenario; `here` is the profile the caller loaded, or the reference when there is none. */
export function hostOf(scenario: Scenario, here?: Host): Host {
  if (scenario.host === 'here') return here ?? hosts.reference;
  return hosts[scenario.host as HostId];
}

const shared: ResourceKind[] = ['wire', 'wire out'];

function resourceOf(stage: Stage, shop: Workshop): Resource {
  const { cores, flows, path, guest } = shop.scenario;
  const usable = isPacketPath(path) ? cores : Math.min(cores, flows);
  const isCore = stage.resource === 'core' || stage.resource === 'softirq core' || stage.resource === 'vhost core';
  const servers =
    stage.resource === 'connections'
      ? flows
      : isCore
        ? stage.resource === 'vhost core' && guest !== 'none'
          ? 1
          : usable
        : 1;
  const contention = shop.look('cores.contention').value;
  const side = shared.includes(stage.resource) ? 'network' : stage.side;
  return {
    id: side === 'network' ? stage.resource : `${side} ${stage.resource}`,
    label:
      side === 'network'
        ? stage.resource
        : `${side}: ${stage.resource}${servers > 1 ? `${stage.resource.endsWith('s') ? '' : 's'} (${servers})` : ''}`,
    kind: stage.resource,
    side,
    servers,
    slowdown: isCore ? 1 + contention * (servers - 1) : 1,
  };
}

function socketStages(shop: Workshop, counts: Counts): { stages: Stage[]; afterwards: Stage[] } {
  const { direction, device } = shop.scenario;
  const local = device !== 'nic';
  const sends = direction !== 'receive' || local;
  const receives = (direction !== 'send' || device === 'loopback' || device === 'veth') && device !== 'dummy';
  const wire = local ? [] : [wireStage(shop, counts.packets, counts.bytes, counts.headers)];
  return {
    stages: [
      ...(sends ? sendStages(shop, counts) : []),
      ...(sends && isServedLocally(shop) ? [roundTripStage(shop, counts)] : []),
      ...wire,
      // A local sender's softirq does the receiver's work: that part stays when only the sender is asked for.
      ...(receives ? receiveSocketStages(shop, counts) : []).filter(
        (one) => !local || direction !== 'send' || one.side === 'sender',
      ),
    ],
    afterwards: sends ? afterSendStages(shop, counts) : [],
  };
}

/** Builds the journey of a scenario. `here` is this host's calibrated profile, if there is one. */
export function buildJourney(scenario: Scenario, here?: Host): Journey {
  const host = hostOf(scenario, here);
  const shop = workshopFor(scenario, host);
  const packetPath = isPacketPath(scenario.path);
  const ackSegments = shop.look('ack.segments').value;
  const counts = packetPath
    ? { ...countsOf({ ...scenario, protocol: 'ethernet' }, ackSegments), packets: 1, calls: 0 }
    : countsOf(scenario, ackSegments);
  const built = packetPath ? { stages: packetStages(shop), afterwards: [] } : socketStages(shop, counts);
  const resources = new Map<string, Resource>();
  const bind = (stage: Stage): BoundStage => {
    const made = resourceOf(stage, shop);
    const resource = resources.get(made.id) ?? made;
    resources.set(resource.id, resource);
    // The stage was made for this journey alone: it is completed in place, not copied.
    return Object.assign(stage, { resourceId: resource.id, serviceNs: stage.busyNs * resource.slowdown });
  };
  const keep = (stage: Stage): boolean => stage.busyNs > 0 || stage.latencyNs > 0;
  const stages = built.stages.filter(keep).map(bind);
  const afterwards = built.afterwards.filter(keep).map(bind);
  return { scenario, host, counts, stages, afterwards, resources: [...resources.values()] };
}
