// What the host says of its network devices and of the packet sockets beside them, in one network namespace. Facts only;
// what they mean for copies is rules.ts.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { bpfDevicePrograms, bpfProgramName } from '../kernel/bpf.js';
import { deviceOffloads } from '../kernel/ethtool.js';
import type { DeviceEvidence } from './evidence.js';

/** Bytes by device since it came up, from /proc/net/dev of this thread's namespace. */
export type Traffic = ReadonlyMap<string, { readonly received: number; readonly sent: number }>;

/** Reads the traffic of every device of this thread's namespace. */
export function readTraffic(): Traffic {
  const lines = readFileSync('/proc/thread-self/net/dev', 'latin1').split('\n').slice(2);
  return new Map(
    lines
      .map((line) => /^\s*(\S+):\s*(.*)$/.exec(line))
      .filter((match) => match !== null)
      .map((match) => {
        const figures = match[2]!.trim().split(/\s+/).map(Number);
        return [match[1]!, { received: figures[0]!, sent: figures[8]! }];
      }),
  );
}

/** A device as `ip -json -details link` shows it. */
interface Link {
  readonly ifindex: number;
  readonly ifname: string;
  readonly mtu: number;
  readonly link_type?: string;
  readonly linkinfo?: { readonly info_kind?: string };
  readonly xdp?: { readonly mode?: number; readonly prog?: { readonly id?: number; readonly name?: string } };
}

function fromTool<T>(name: string, ...args: string[]): T[] | undefined {
  const { status, stdout } = spawnSync(name, args, { encoding: 'utf8' });
  if (status !== 0) return undefined;
  try {
    return JSON.parse(stdout) as T[];
  } catch {
    return undefined;
  }
}

const tunnels = new Set('vxlan geneve gre gretap ip6gre ip6gretap ipip sit ip6tnl vti vti6 wireguard xfrm'.split(' '));

function kindOf(link: Link): DeviceEvidence['kind'] {
  const kind = link.linkinfo?.info_kind ?? '';
  if (link.link_type === 'loopback' || link.ifname === 'lo') return 'loopback';
  if (kind === 'veth') return 'veth';
  return tunnels.has(kind) ? 'tunnel' : 'other';
}

/** Modes of XDP (XDP_ATTACHED_* of linux/if_link.h). */
const xdpModes = { 1: 'driver', 2: 'generic', 3: 'offloaded' } as const;

function xdpOf({ xdp }: Link): Pick<DeviceEvidence, 'xdp'> {
  const mode = xdpModes[(xdp?.mode ?? 0) as keyof typeof xdpModes];
  if (mode === undefined) return {};
  const { id = 0, name } = xdp?.prog ?? {};
  return { xdp: { mode, program: (name ?? bpfProgramName(id)) || `program ${id}` } };
}

interface Filter {
  readonly kind?: string;
  readonly options?: { readonly bpf_name?: string; readonly prog?: { readonly name?: string; readonly id?: number } };
}

/** tc programs of a device: those attached by tcx, and those of the classifier `bpf`. */
function tcOf(link: Link): DeviceEvidence['tcPrograms'] {
  return (['ingress', 'egress'] as const).flatMap((direction) => {
    const byLink = bpfDevicePrograms(link.ifindex, direction).map((id) => bpfProgramName(id) || `program ${id}`);
    const filters = fromTool<Filter>('tc', '-json', 'filter', 'show', 'dev', link.ifname, direction) ?? [];
    const byFilter = filters
      .filter(({ kind, options }) => kind === 'bpf' && options?.prog !== undefined)
      .map(({ options }) => options!.prog!.name ?? options!.bpf_name ?? `program ${options!.prog!.id}`);
    return [...byLink, ...byFilter].map((program) => ({ direction, program }));
  });
}

/**
 * The devices of this thread's namespace that carried traffic since `before`; undefined where `ip` (iproute2) is not to
 * be had.
 */
export function readDevices(before: Traffic): DeviceEvidence[] | undefined {
  const links = fromTool<Link>('ip', '-json', '-details', 'link', 'show');
  if (links === undefined) return undefined;
  const now = readTraffic();
  return links.flatMap((link) => {
    const after = now.get(link.ifname) ?? { received: 0, sent: 0 };
    const earlier = before.get(link.ifname) ?? { received: 0, sent: 0 };
    const [sentBytes, receivedBytes] = [after.sent - earlier.sent, after.received - earlier.received];
    if (sentBytes <= 0 && receivedBytes <= 0) return [];
    return [
      {
        ...{ name: link.ifname, kind: kindOf(link), mtu: link.mtu, sentBytes, receivedBytes },
        ...{ offloads: deviceOffloads(link.ifname), tcPrograms: tcOf(link), ...xdpOf(link) },
      },
    ];
  });
}

/** Protocols of packet sockets that see IP packets: all, IPv4, IPv6. */
const seesIp = new Set(['0003', '0800', '86dd']);

/** Who holds packet sockets in this thread's namespace: a command with its process id, or an inode number. */
export function readCaptures(): string[] {
  const inodes = readFileSync('/proc/thread-self/net/packet', 'latin1')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length >= 9 && seesIp.has(fields[3]!))
    .map((fields) => fields[8]!);
  return inodes.length === 0 ? [] : inodes.map((inode) => holderOf(inode) ?? `socket ${inode}`);
}

function holderOf(inode: string): string | undefined {
  for (const processId of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const descriptors = readdirSync(`/proc/${processId}/fd`);
      if (descriptors.some((fd) => linkOf(`/proc/${processId}/fd/${fd}`) === `socket:[${inode}]`)) {
        return `${readFileSync(`/proc/${processId}/comm`, 'latin1').trim()} (${processId})`;
      }
    } catch {
      // It ended while we looked, or is not ours to look into.
    }
  }
  return undefined;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
