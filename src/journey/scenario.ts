// What a scenario may say: one table of fields, from which come the defaults, the checks with their messages, the JSON schema, the
// command line and the controls of the plan page. It does not read files (cli/plan.ts does) and computes nothing.

import { type ConstantId, constantIds, isConstantId } from './constants.js';
import { type HostId, hostIds } from './hosts.js';
import { type NicId, nicIds } from './nics.js';
import type { PcieGeneration, PcieLink } from './pcie.js';

export const ways = ['copy', 'gather', 'sendfile', 'zerocopy', 'send_zc', 'send_zc_fixed', 'bypass'] as const;
export type Way = (typeof ways)[number];

export const paths = [
  'socket',
  'xdp-drop',
  'xdp-pass-drop',
  'xdp-tx',
  'xdp-redirect',
  'xdp-forward',
  'af_xdp',
  'dpdk-drop',
  'dpdk-forward',
  'iptables-raw-drop',
  'conntrack-drop',
  'linux-forward',
  'katran',
  'ipvs',
  'pktgen-qdisc',
  'dma-read',
  'dma-write',
] as const;
export type Path = (typeof paths)[number];

export const firewalls = ['none', 'raw', 'conntrack', 'nfqueue', 'nfqueue-gso', 'helper'] as const;

/** A complete scenario: every field has a value. Sizes in bytes, rates in bits a second. */
export interface Scenario {
  name: string;
  host: HostId | 'here';
  path: Path;
  direction: 'send' | 'receive' | 'both';
  protocol: 'tcp' | 'udp' | 'ethernet';
  ip: 4 | 6;
  message: number;
  fragments: number;
  page: number;
  source: 'memory' | 'file';
  way: Way;
  receive: 'copy' | 'truncate' | 'mmap' | 'zcrx';
  rxBuffer: number;
  offload: 'tso' | 'gso' | 'none';
  gro: boolean;
  gsoMax: number;
  maxFrags: number;
  mtu: number;
  cores: number;
  softirq: 'same' | 'separate';
  flows: number;
  nic: number;
  nicProfile: NicId;
  pcie: string;
  mps: number;
  mrrs: number;
  cqeCompression: boolean;
  device: 'nic' | 'loopback' | 'veth' | 'dummy';
  iommu: 'off' | 'passthrough' | 'lazy' | 'strict';
  iommuWindow: number;
  numa: 'local' | 'remote';
  firewall: (typeof firewalls)[number];
  rules: number;
  guest: 'none' | 'emulated' | 'virtio' | 'vhost' | 'passthrough';
  fib: 'single' | 'full';
  retpoline: boolean;
  polling: boolean;
  cable: number;
  switches: number;
  load: number;
  queue: 'M/D/1' | 'M/M/1';
  constants: Partial<Record<ConstantId, number>>;
}

export type FieldKind = 'choice' | 'size' | 'rate' | 'number' | 'flag' | 'text' | 'pcie' | 'constants';

export interface Field {
  kind: FieldKind;
  about: string;
  default: string | number | boolean;
  values?: readonly (string | number)[];
  minimum?: number;
  maximum?: number;
  group: 'traffic' | 'way' | 'processor' | 'device' | 'rules' | 'time' | 'other';
}

type FieldName = Exclude<keyof Scenario, 'constants'>;

const K = 1024;

export const fields: Record<FieldName, Field> = {
  name: { kind: 'text', group: 'other', default: '', about: 'what this scenario is called in a report' },
  host: {
    kind: 'choice',
    group: 'processor',
    default: 'reference',
    values: [...hostIds, 'here'],
    about: 'whose constants to use: a published test bed, or this host as `clearway calibrate` measured it (here)',
  },
  path: {
    kind: 'choice',
    group: 'way',
    default: 'socket',
    values: paths,
    about: 'socket: an application sends or receives; the others handle packets one by one (rate tests)',
  },
  direction: {
    kind: 'choice',
    group: 'traffic',
    default: 'both',
    values: ['send', 'receive', 'both'],
    about: 'which end is modelled; the other is taken to be fast enough. Both ends have the same constants and cores',
  },
  protocol: {
    kind: 'choice',
    group: 'traffic',
    default: 'tcp',
    values: ['tcp', 'udp', 'ethernet'],
    about: 'transport',
  },
  ip: { kind: 'choice', group: 'traffic', default: 4, values: [4, 6], about: 'IP version' },
  message: {
    kind: 'size',
    group: 'traffic',
    default: 64 * K,
    minimum: 1,
    maximum: 2 ** 30,
    about:
      'bytes the application hands over in one call; for packet paths the frame on the wire with its FCS (64 for minimum frames)',
  },
  fragments: {
    kind: 'number',
    group: 'traffic',
    default: 1,
    minimum: 1,
    maximum: 1024,
    about: 'pieces of memory a message is scattered over (iovecs)',
  },
  page: {
    kind: 'size',
    group: 'traffic',
    default: 4 * K,
    minimum: 4 * K,
    maximum: 2 ** 30,
    about: 'page size of the payload buffers: 4K, 64K, 2M, 1G. A reference makes one fragment a page',
  },
  source: {
    kind: 'choice',
    group: 'traffic',
    default: 'memory',
    values: ['memory', 'file'],
    about: 'where the payload lies',
  },
  way: { kind: 'choice', group: 'way', default: 'copy', values: ways, about: 'how the payload leaves the application' },
  receive: {
    kind: 'choice',
    group: 'way',
    default: 'copy',
    values: ['copy', 'truncate', 'mmap', 'zcrx'],
    about: 'how the reader takes it: copied, discarded (MSG_TRUNC), TCP_ZEROCOPY_RECEIVE, io_uring zcrx',
  },
  rxBuffer: {
    kind: 'size',
    group: 'way',
    default: 4 * K,
    minimum: 2 * K,
    maximum: 1024 * K,
    about: 'size of one receive buffer of the NIC',
  },
  offload: {
    kind: 'choice',
    group: 'way',
    default: 'tso',
    values: ['tso', 'gso', 'none'],
    about:
      'who cuts a large send into packets: the NIC (TSO, USO), the kernel just before the driver (GSO, UDP_SEGMENT), nobody',
  },
  gro: { kind: 'flag', group: 'way', default: true, about: 'received packets are merged before the stack (GRO)' },
  gsoMax: {
    kind: 'size',
    group: 'way',
    default: 64 * K,
    minimum: 1500,
    maximum: 512 * K,
    about: 'largest super-packet (gso_max_size, gro_max_size); above 64K it is BIG TCP',
  },
  maxFrags: {
    kind: 'number',
    group: 'way',
    default: 17,
    minimum: 17,
    maximum: 45,
    about: 'fragments of one super-packet (CONFIG_MAX_SKB_FRAGS)',
  },
  mtu: { kind: 'size', group: 'device', default: 1500, minimum: 68, maximum: 65_535, about: 'largest layer 3 packet' },
  cores: {
    kind: 'number',
    group: 'processor',
    default: 1,
    minimum: 1,
    maximum: 256,
    about: 'cores that work on the traffic at each end',
  },
  softirq: {
    kind: 'choice',
    group: 'processor',
    default: 'same',
    values: ['same', 'separate'],
    about: 'whether interrupts run on the application’s cores or on as many others',
  },
  flows: {
    kind: 'number',
    group: 'traffic',
    default: 1,
    minimum: 1,
    maximum: 1_000_000,
    about: 'connections; a socket flow uses one core at a time, so fewer flows than cores leave cores idle',
  },
  nic: {
    kind: 'rate',
    group: 'device',
    default: 100e9,
    minimum: 1e8,
    maximum: 1.6e12,
    about: 'rate of the link: 25G, 100G, 200G',
  },
  nicProfile: {
    kind: 'choice',
    group: 'device',
    default: 'mlx5',
    values: nicIds,
    about: 'descriptors and limits of the NIC',
  },
  pcie: { kind: 'pcie', group: 'device', default: 'gen3x16', about: 'generation and lanes: gen3x8, gen4x16' },
  mps: {
    kind: 'choice',
    group: 'device',
    default: 256,
    values: [128, 256, 512, 1024, 2048, 4096],
    about: 'PCIe maximum payload size',
  },
  mrrs: {
    kind: 'choice',
    group: 'device',
    default: 512,
    values: [128, 256, 512, 1024, 2048, 4096],
    about: 'PCIe maximum read request size',
  },
  cqeCompression: { kind: 'flag', group: 'device', default: false, about: 'mlx5 completion compression' },
  device: {
    kind: 'choice',
    group: 'device',
    default: 'nic',
    values: ['nic', 'loopback', 'veth', 'dummy'],
    about: 'a real NIC, or a device without DMA, PCIe and wire',
  },
  iommu: {
    kind: 'choice',
    group: 'device',
    default: 'off',
    values: ['off', 'passthrough', 'lazy', 'strict'],
    about: 'translation of DMA addresses: none, identity, deferred flush, flush at every unmap',
  },
  iommuWindow: {
    kind: 'size',
    group: 'device',
    default: 256 * K,
    minimum: 4 * K,
    maximum: 2 ** 34,
    about: 'bytes of buffers the device moves about in; above the reach of the IOTLB every access may miss',
  },
  numa: {
    kind: 'choice',
    group: 'device',
    default: 'local',
    values: ['local', 'remote'],
    about: 'memory on the NIC’s socket or not',
  },
  firewall: {
    kind: 'choice',
    group: 'rules',
    default: 'none',
    values: firewalls,
    about: 'what the packet filter does to every packet of this flow',
  },
  rules: {
    kind: 'number',
    group: 'rules',
    default: 0,
    minimum: 0,
    maximum: 100_000,
    about: 'rules walked before one matches',
  },
  guest: {
    kind: 'choice',
    group: 'device',
    default: 'none',
    values: ['none', 'emulated', 'virtio', 'vhost', 'passthrough'],
    about: 'whether the application runs in a virtual machine, and how its device reaches the NIC',
  },
  fib: {
    kind: 'choice',
    group: 'rules',
    default: 'single',
    values: ['single', 'full'],
    about: 'routing table of a forwarder',
  },
  retpoline: {
    kind: 'flag',
    group: 'processor',
    default: false,
    about: 'indirect calls of the DMA path through retpolines',
  },
  polling: { kind: 'flag', group: 'processor', default: false, about: 'the receiver polls: no interrupt, no wake-up' },
  cable: { kind: 'number', group: 'time', default: 2, minimum: 0, maximum: 100_000, about: 'metres of cable or fibre' },
  switches: {
    kind: 'number',
    group: 'time',
    default: 1,
    minimum: 0,
    maximum: 32,
    about: 'cut-through switches on the way',
  },
  load: {
    kind: 'number',
    group: 'time',
    default: 0.7,
    minimum: 0,
    maximum: 0.99,
    about: 'share of the throughput bound at which loaded latency is given',
  },
  queue: {
    kind: 'choice',
    group: 'time',
    default: 'M/D/1',
    values: ['M/D/1', 'M/M/1'],
    about: 'queueing law of loaded latency',
  },
};

export const fieldNames = Object.keys(fields) as FieldName[];

/** A scenario with every field at its default. */
export function defaultScenario(): Scenario {
  const scenario: Record<string, unknown> = { constants: {} };
  for (const name of fieldNames) scenario[name] = fields[name].default;
  return scenario as unknown as Scenario;
}

/** What is wrong with one field of a scenario, in words that name the allowed values. */
export interface ScenarioProblem {
  field: string;
  message: string;
}

const multipliers: Record<string, number> = { '': 1, k: K, m: K ** 2, g: K ** 3 };
const rateMultipliers: Record<string, number> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** Bytes of `64K`, `1500`, `2 MiB`: powers of 1024. NaN when it is no size. */
export function parseSize(text: string | number): number {
  if (typeof text === 'number') return text;
  const match = /^\s*([0-9]*\.?[0-9]+)\s*([kmg]?)i?b?\s*$/i.exec(text);
  return match ? Number(match[1]) * (multipliers[(match[2] ?? '').toLowerCase()] ?? Number.NaN) : Number.NaN;
}

/** Bits a second of `100G`, `2.5G`, `10e9`: powers of 1000. NaN when it is no rate. */
export function parseRate(text: string | number): number {
  if (typeof text === 'number') return text;
  const match = /^\s*([0-9]*\.?[0-9]+(?:e[0-9]+)?)\s*([kmgt]?)(?:b(?:it)?(?:\/s|ps)?)?\s*$/i.exec(text);
  return match ? Number(match[1]) * (rateMultipliers[(match[2] ?? '').toLowerCase()] ?? Number.NaN) : Number.NaN;
}

/** The link a scenario describes (`gen4x16`, MPS, MRRS). */
export function linkOf(scenario: Pick<Scenario, 'pcie' | 'mps' | 'mrrs'>): PcieLink {
  const match = pciePattern.exec(scenario.pcie);
  return {
    generation: Number(match?.[1] ?? 3) as PcieGeneration,
    lanes: Number(match?.[2] ?? 16) as PcieLink['lanes'],
    mps: scenario.mps,
    mrrs: scenario.mrrs,
    addressBits: 64,
    ecrc: false,
    completionBytes: 0,
  };
}

const pciePattern = /^gen([1-7])x(1|2|4|8|16|32)$/;

/** Checks one value against its field; returns the value in the model's unit, or a message with what is allowed. */
export function readField(name: FieldName, given: unknown): { value: unknown } | { problem: string } {
  const field = fields[name];
  const shown = JSON.stringify(given);
  if (field.kind === 'text')
    return typeof given === 'string' ? { value: given } : { problem: `${shown} is not a text` };
  if (field.kind === 'flag') return readFlag(given, shown);
  if (field.kind === 'choice') {
    const found = field.values?.find((value) => String(value) === String(given));
    return found === undefined ? { problem: `${shown} is not one of: ${field.values?.join(', ')}` } : { value: found };
  }
  if (field.kind === 'pcie') {
    return typeof given === 'string' && pciePattern.test(given)
      ? { value: given }
      : { problem: `${shown} is not gen1 to gen7 with x1, x2, x4, x8, x16 or x32, as in gen4x16` };
  }
  const value =
    typeof given !== 'string' && typeof given !== 'number'
      ? Number.NaN
      : field.kind === 'size'
        ? parseSize(given)
        : field.kind === 'rate'
          ? parseRate(given)
          : Number(given);
  const low = field.minimum ?? Number.NEGATIVE_INFINITY;
  const high = field.maximum ?? Number.POSITIVE_INFINITY;
  if (!(value >= low && value <= high)) {
    const example = field.kind === 'size' ? ', such as 64K' : field.kind === 'rate' ? ', such as 100G' : '';
    return { problem: `${shown} is not a ${field.kind} from ${low} to ${high}${example}` };
  }
  return { value };
}

function readFlag(given: unknown, shown: string): { value: unknown } | { problem: string } {
  if (given === true || given === 'true' || given === 'on') return { value: true };
  if (given === false || given === 'false' || given === 'off') return { value: false };
  return { problem: `${shown} is not one of: true, false` };
}

/** Reads a parsed file or an object of options into a whole scenario. Problems name the field; the caller knows its line. */
export function readScenario(given: unknown): { scenario: Scenario; problems: ScenarioProblem[] } {
  const scenario = defaultScenario() as unknown as Record<string, unknown>;
  const problems: ScenarioProblem[] = [];
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return {
      scenario: defaultScenario(),
      problems: [{ field: '', message: 'a scenario is a mapping of fields to values' }],
    };
  }
  for (const [name, value] of Object.entries(given)) {
    if (name === 'constants') readConstants(value, scenario, problems);
    else if (!Object.hasOwn(fields, name)) {
      problems.push({ field: name, message: `no such field; the fields are: ${fieldNames.join(', ')}, constants` });
    } else {
      const read = readField(name as FieldName, value);
      if ('problem' in read) problems.push({ field: name, message: read.problem });
      else scenario[name] = read.value;
    }
  }
  return { scenario: scenario as unknown as Scenario, problems };
}

function readConstants(given: unknown, scenario: Record<string, unknown>, problems: ScenarioProblem[]): void {
  if (typeof given !== 'object' || given === null) {
    problems.push({ field: 'constants', message: 'constants is a mapping of names to numbers' });
    return;
  }
  const values: Record<string, number> = {};
  for (const [id, value] of Object.entries(given)) {
    if (!isConstantId(id)) {
      problems.push({
        field: `constants.${id}`,
        message: `no such constant; the constants are: ${constantIds.join(', ')}`,
      });
    } else if (typeof value !== 'number' || !(value >= 0)) {
      problems.push({ field: `constants.${id}`, message: `${JSON.stringify(value)} is not a number of 0 or more` });
    } else values[id] = value;
  }
  scenario.constants = values;
}

/** A scenario with some fields replaced. */
export function withChanges(scenario: Scenario, changes: Partial<Scenario>): Scenario {
  return { ...scenario, ...changes };
}

/** The JSON schema of scenario files (draft 2020-12); docs/scenario.schema.json is this, written out. */
export function scenarioSchema(): Record<string, unknown> {
  const properties: Record<string, unknown> = {};
  for (const name of fieldNames) {
    const field = fields[name];
    const description = field.about;
    if (field.kind === 'choice') properties[name] = { enum: field.values, default: field.default, description };
    else if (field.kind === 'flag') properties[name] = { type: 'boolean', default: field.default, description };
    else if (field.kind === 'number') {
      properties[name] = {
        type: 'number',
        minimum: field.minimum,
        maximum: field.maximum,
        default: field.default,
        description,
      };
    } else if (field.kind === 'size' || field.kind === 'rate') {
      const unit =
        field.kind === 'size' ? 'bytes, or text such as 64K (powers of 1024)' : 'bit/s, or text such as 100G';
      properties[name] = {
        type: ['number', 'string'],
        minimum: field.minimum,
        maximum: field.maximum,
        default: field.default,
        description: `${description} (${unit})`,
      };
    } else if (field.kind === 'pcie') {
      properties[name] = { type: 'string', pattern: pciePattern.source, default: field.default, description };
    } else properties[name] = { type: 'string', default: field.default, description };
  }
  properties.constants = {
    type: 'object',
    description: 'constants to replace by name; `clearway plan --explain` lists them with units and sources',
    propertyNames: { enum: constantIds },
    additionalProperties: { type: 'number', minimum: 0 },
  };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Clearway scenario',
    description: 'One packet journey for `clearway plan --scenario FILE` (YAML or JSON). Every field may be left out.',
    type: 'object',
    properties,
    additionalProperties: false,
  };
}
