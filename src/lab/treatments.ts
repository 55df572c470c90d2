// What is done to packets on their way, by name: each treatment puts itself on the path of a pair of namespaces, says
// what of it a prediction must know (path), and takes itself away. Not here: senders, measuring, words of reports.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Assembly } from '../bpf/assembler.js';
import { attachCgroup, attachTcx, attachXdp, type Link } from '../bpf/link.js';
import { BpfMap } from '../bpf/map.js';
import { BpfProgram, type ProgramType } from '../bpf/program.js';
import type { PathDescription } from '../plan/facts/path-rules.js';
import {
  controlGroupName,
  controlGroupRoot,
  device,
  type End,
  LabError,
  type Pair,
  removeControlGroup,
  tool,
} from './namespaces.js';
import {
  adjustRoomProgram,
  countersMap,
  firewallProgram,
  passProgram,
  pullProgram,
  reservedOptionProgram,
} from './programs.js';

/** A treatment in place. */
export interface Applied {
  /** What its program counted, where it is one of ours. */
  readonly counters?: BpfMap;
  /** The control group that senders must be in for it. */
  readonly controlGroup?: string;
  /** A packet socket must be read while the experiment runs. */
  readonly capture?: boolean;
  undo(): void;
}

/** One treatment. */
export interface Treatment {
  readonly name: string;
  readonly words: string;
  /** Experiments that belong together are asked for by this name too. */
  readonly group?: string;
  /** What a prediction is told of it. */
  readonly path: PathDescription;
  /** @throws LabError, RefusedError where the host cannot have it. */
  apply(pair: Pair): Applied;
}

const nothing = (): void => {};

interface Attachment {
  readonly type: ProgramType;
  readonly code: Assembly;
  attach(program: BpfProgram): Link;
  /** What has to go after the program is detached. */
  readonly after?: () => void;
}

/** Loads a program of ours, attaches it, and keeps its counters. */
function attached({ type, code, attach, after = nothing }: Attachment): Applied & { counters: BpfMap } {
  const counters = BpfMap.create(countersMap);
  try {
    const program = BpfProgram.load({ name: 'clearway_lab', type, code }, { [countersMap.name]: counters });
    try {
      const link = attach(program);
      const undo = () => {
        link.detach();
        program.close();
        counters.close();
        after();
      };
      return { counters, undo };
    } catch (error) {
      program.close();
      throw error;
    }
  } catch (error) {
    counters.close();
    after();
    throw error;
  }
}

/** Attaches a tc program to the device of an end. */
export function attachTc(pair: Pair, end: End, direction: 'ingress' | 'egress', code: Assembly) {
  const index = pair.deviceIndex(end);
  return attached({
    type: 'tc',
    code,
    attach: (program) => pair.within(end, () => attachTcx(program, index, direction)),
  });
}

const egress = (code: () => Assembly) => (pair: Pair) => attachTc(pair, 'left', 'egress', code());

function xdp(mode: 'driver' | 'generic') {
  return (pair: Pair) => {
    const index = pair.deviceIndex('right');
    const attach = (program: BpfProgram) => pair.within('right', () => attachXdp(program, index, mode));
    return attached({ type: 'xdp', code: passProgram(), attach });
  };
}

function offload(...features: string[]) {
  return (pair: Pair): Applied => {
    pair.within('left', () => tool('ethtool', '-K', device, ...features));
    return { undo: nothing };
  };
}

function commands(end: End, ...lines: (readonly [string, ...string[]])[]) {
  return (pair: Pair): Applied => {
    for (const line of lines) pair.within(end, () => tool(...line));
    return { undo: nothing };
  };
}

function mtu(bytes: number) {
  const line = ['ip', 'link', 'set', device, 'mtu', String(bytes)] as const;
  return (pair: Pair): Applied => {
    for (const end of ['left', 'right'] as const) commands(end, line)(pair);
    return { undo: nothing };
  };
}

/** Leaves room for 12 more bytes of header: a packet that fills the MTU could not be grown. */
function withRoom(apply: (pair: Pair) => Applied) {
  return (pair: Pair): Applied => {
    pair.within('left', () => tool('ip', 'route', 'replace', '10.99.0.0/24', 'dev', device, 'mtu', '1480'));
    return apply(pair);
  };
}

function reservedOption(): Applied {
  const root = controlGroupRoot();
  if (root === undefined) throw new LabError('no cgroup v2 hierarchy is mounted');
  const controlGroup = join(root, controlGroupName);
  mkdirSync(controlGroup, { recursive: true });
  const attach = (program: BpfProgram) => attachCgroup(program, controlGroup);
  const after = () => removeControlGroup(controlGroup);
  return { ...attached({ type: 'sockops', code: reservedOptionProgram(), attach, after }), controlGroup };
}

const nftChain = ['add', 'chain', 'ip', 'lab', 'out', '{ type filter hook output priority mangle; }'];
const nft = (...rule: string[]) =>
  commands(
    'left',
    ['nft', 'add', 'table', 'ip', 'lab'],
    ['nft', ...nftChain],
    ['nft', 'add', 'rule', 'ip', 'lab', 'out', ...rule],
  );

/** Every treatment, in the order in which they are run. */
export const treatments: readonly Treatment[] = [
  { name: 'none', words: 'nothing on the path but a veth pair', path: {}, apply: () => ({ undo: nothing }) },
  {
    name: 'firewall-careless',
    group: 'firewall',
    words: 'a tc program adds 12 bytes to each header and asks for the whole packet as one block',
    path: { tc: ['bpf-pull'] },
    apply: withRoom(egress(() => firewallProgram(true))),
  },
  {
    name: 'firewall-head-only',
    group: 'firewall',
    words: 'the same 12 bytes, added by moving the header alone',
    path: {},
    apply: withRoom(egress(() => firewallProgram(false))),
  },
  {
    name: 'firewall-reserved',
    group: 'firewall',
    words: '12 bytes as a TCP option for which a sockops program reserves room when the header is built',
    path: {},
    apply: withRoom(reservedOption),
  },
  {
    name: 'tc-pull',
    words: 'a tc program calls bpf_skb_pull_data for the whole packet',
    path: { tc: ['bpf-pull'] },
    apply: egress(pullProgram),
  },
  {
    name: 'tc-adjust-room',
    words: 'a tc program makes room of 20 bytes behind the IP header and takes it away again',
    path: {},
    apply: egress(adjustRoomProgram),
  },
  { name: 'nft-dscp', words: 'nft sets the DSCP field', path: {}, apply: nft('ip', 'dscp', 'set', '8') },
  {
    name: 'nft-maxseg',
    words: 'nft clamps the maximum segment size',
    path: {},
    apply: nft('tcp', 'flags', 'syn', 'tcp', 'option', 'maxseg', 'size', 'set', '1400'),
  },
  {
    name: 'iptables-tcpmss',
    words: 'iptables clamps the maximum segment size (TCPMSS)',
    path: {},
    apply: commands('left', [
      ...(['iptables', '-t', 'mangle', '-A', 'OUTPUT', '-p', 'tcp', '--tcp-flags', 'SYN,RST', 'SYN'] as const),
      ...['-j', 'TCPMSS', '--set-mss', '1400'],
    ]),
  },
  {
    name: 'xdp',
    words: 'an XDP program on the peer of the veth pair, in the driver',
    path: { xdpOnVethPeer: true },
    apply: xdp('driver'),
  },
  {
    name: 'xdp-generic',
    words: 'an XDP program on the peer of the veth pair, in generic mode',
    path: { genericXdp: true },
    apply: xdp('generic'),
  },
  {
    name: 'capture',
    words: 'a packet socket on the sending side, read by a process, as a capture does',
    path: { capture: true },
    apply: () => ({ capture: true, undo: nothing }),
  },
  {
    name: 'sg-off',
    words: 'scatter-gather off (ethtool -K eth sg off; segmentation offload goes with it)',
    path: { scatterGather: false },
    apply: offload('sg', 'off'),
  },
  {
    name: 'tx-off',
    words: 'transmit checksum offload off (ethtool -K eth tx off; segmentation offload goes with it)',
    path: { checksumOffload: false },
    apply: offload('tx', 'off'),
  },
  { name: 'tso-off', words: 'TCP segmentation offload off', path: { tso: false }, apply: offload('tso', 'off') },
  { name: 'mtu-9000', words: 'an MTU of 9000', path: { mtu: 9000 }, apply: mtu(9000) },
  { name: 'mtu-1280', words: 'an MTU of 1280', path: { mtu: 1280 }, apply: mtu(1280) },
];
