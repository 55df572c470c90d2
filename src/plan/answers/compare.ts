// Side by side: the same scenario by every way, and by every path out of a virtual machine.

import type { Host } from '../facts/hosts.js';
import type { Scenario, Way } from '../scenario.js';
import { echoPaths } from '../stages/echo.js';
import { buildJourney } from '../stages/journey.js';
import { isRequestPath, requestCopies, requestPaths } from '../stages/request.js';
import { boundOf, processorNs } from './bound.js';
import { timelineOf } from './timeline.js';

export interface Comparison {
  name: string;
  title: string;
  gbps: number;
  bottleneck: string;
  latencyNs: number;
  senderNsPerMessage: number;
  secondsPerGiB: number;
  /** Throughput over that of the scenario's first row. */
  relative: number;
  /** Of requests: how often a byte of the file is copied. */
  copies?: number;
}

const wayTitles: Record<string, string> = {
  copy: 'copy',
  gather: 'gather (iovecs, one copy)',
  sendfile: 'sendfile',
  'zerocopy 4K': 'MSG_ZEROCOPY, 4 KiB pages',
  'zerocopy huge': 'MSG_ZEROCOPY, huge pages',
  send_zc: 'SEND_ZC',
  send_zc_fixed: 'SEND_ZC, registered buffers',
  bypass: 'kernel bypass',
};

function compareOne(name: string, title: string, scenario: Scenario, base: number, here?: Host): Comparison {
  const journey = buildJourney(scenario, here);
  const bound = boundOf(journey);
  const cost = processorNs(journey);
  return {
    name,
    title,
    gbps: bound.throughput.gbps,
    bottleneck: bound.bottleneck,
    latencyNs: timelineOf(journey).latencyNs,
    senderNsPerMessage: cost.sender,
    secondsPerGiB: ((cost.total / scenario.message) * 2 ** 30) / 1e9,
    relative: base > 0 ? bound.throughput.gbps / base : 1,
  };
}

function variants(ways: readonly Way[] | undefined, scenario: Scenario): { name: string; change: Partial<Scenario> }[] {
  const asked = ways ?? (['copy', 'gather', 'sendfile', 'zerocopy', 'send_zc', 'send_zc_fixed', 'bypass'] as const);
  return asked.flatMap((way): { name: string; change: Partial<Scenario> }[] => {
    // On loopback only the two ways that serve has were measured.
    if (scenario.app === 'serve' && scenario.device !== 'nic' && way !== 'copy' && way !== 'sendfile') return [];
    if (way === 'zerocopy') {
      return [
        { name: 'zerocopy 4K', change: { way, page: 4096 } },
        { name: 'zerocopy huge', change: { way, page: 2 ** 21 } },
      ];
    }
    if (way === 'sendfile' && scenario.protocol === 'udp') return [];
    if (way === 'bypass' && scenario.device !== 'nic') return [];
    return [{ name: way, change: way === 'sendfile' ? { way, source: 'file' as const } : { way } }];
  });
}

/** The scenario by each way. Every row has the scenario's other fields; sendfile reads from a file. */
export function compareWays(scenario: Scenario, ways?: readonly Way[], here?: Host): Comparison[] {
  const base = boundOf(buildJourney({ ...scenario, way: 'copy' }, here)).throughput.gbps;
  return variants(ways, scenario).map(({ name, change }) =>
    compareOne(name, wayTitles[name] ?? name, { ...scenario, ...change }, base, here),
  );
}

/** The scenario on the host and in a guest with each kind of device. */
export function compareGuests(scenario: Scenario, here?: Host): Comparison[] {
  const titles = {
    none: 'no virtual machine',
    emulated: 'emulated device (e1000)',
    virtio: 'virtio, monitor in user space',
    vhost: 'virtio, vhost worker',
    passthrough: 'device passed through',
  } as const;
  const base = boundOf(buildJourney({ ...scenario, guest: 'none' }, here)).throughput.gbps;
  return (Object.keys(titles) as (keyof typeof titles)[]).map((guest) => {
    return compareOne(guest, titles[guest], { ...scenario, guest }, base, here);
  });
}

/** Files up to here are served from memory, unless serve was told otherwise (serve/options.ts). */
const inlineBytes = 32_768;

/** A server that answers requests over TCP, through the kernel and past it: what `clearway bypass compare` measures. */
function compareRequests(scenario: Scenario, here?: Host): Comparison[] {
  const titles = {
    'request-socket': 'through the kernel’s sockets',
    'request-bypass': 'our TCP/IP, AF_XDP in copy mode',
  } as const;
  const base = boundOf(buildJourney({ ...scenario, path: 'request-socket' }, here)).throughput.gbps;
  return requestPaths.map((path) => ({
    ...compareOne(path, titles[path], { ...scenario, path }, base, here),
    copies: requestCopies(path, scenario.message, inlineBytes),
  }));
}

/** A server that answers each frame, through the kernel and past it. */
export function compareBypass(scenario: Scenario, here?: Host): Comparison[] {
  if (isRequestPath(scenario.path)) return compareRequests(scenario, here);
  const titles = {
    'socket-echo': 'through the kernel’s socket',
    'bypass-copy': 'our stack, AF_XDP in copy mode',
    'bypass-zerocopy': 'our stack, AF_XDP zero-copy',
  } as const;
  const base = boundOf(buildJourney({ ...scenario, path: 'socket-echo' }, here)).throughput.gbps;
  return echoPaths.map((path) => compareOne(path, titles[path], { ...scenario, path }, base, here));
}
