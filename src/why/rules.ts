// Why were bytes copied? Rules over an evidence record: each looks at the figures and at the host, and says in plain
// sentences what copied, what would stop it, and what that saves. Pure: nothing is asked of the host here.

import { stackText } from '../meter/stack-lines.js';
import { formatBytes } from '../text/units.js';
import type { Blind, DeviceEvidence, Evidence, ProcessEvidence, Reason, Why } from './evidence.js';

type Found = Omit<Reason, 'rule'>;

/** One rule: its reasons, and what it could not see. */
interface Rule {
  readonly name: string;
  judge(evidence: Evidence): readonly Found[];
  blind?(evidence: Evidence): string | undefined;
}

/** Bytes too few to be worth a sentence. */
const worthSaying = 65_536;
const count = new Intl.NumberFormat('en-US');

const referenced = ({ counters }: Pick<Evidence, 'counters'>) => (counters.spliced ?? 0) + (counters.pinned ?? 0);
const senders = (evidence: Evidence) => evidence.devices.filter((device) => device.sentBytes > 0);
const who = ({ command, processId }: ProcessEvidence) => `${command === '' ? 'process' : command} (${processId})`;
const blindTo = (evidence: Evidence, counter: keyof Evidence['counters']) => evidence.counters[counter] === undefined;

/** What was counted by the meter, or on a tier that cannot see it, what must have been copied. */
function amount(counted: number | undefined, inferred: number): Pick<Found, 'savesBytes' | 'certainty'> {
  if (counted === undefined) return { savesBytes: inferred, certainty: 'inferred' };
  return { savesBytes: counted, certainty: 'counted' };
}

/** Leaves out what the meter counted to be nothing, or too little to say. */
function worthwhile(found: readonly Found[]): Found[] {
  return found.filter(({ savesBytes }) => savesBytes >= worthSaying);
}

/** The stacks on which most bytes of a cause were copied: who did it. */
function byStack({ stacks = [] }: Pick<Evidence, 'stacks'>, cause: 'linearised' | 'reverted'): string[] {
  return stacks
    .filter((blame) => blame.cause === cause && blame.bytes >= worthSaying)
    .slice(0, 2)
    .map((blame) => `${formatBytes(blame.bytes)}, ${count.format(blame.events)} times, on ${stackText(blame, 7)}`);
}

const byName = (device: DeviceEvidence) => `${device.name} sent ${formatBytes(device.sentBytes)} meanwhile`;

const checksumOffload: Rule = {
  name: 'checksum-offload-off',
  judge: (evidence) =>
    worthwhile(
      senders(evidence)
        .filter((device) => device.offloads.txChecksum === false && device.offloads.scatterGather !== false)
        .map((device) => {
          const { linearised, buffersLinearised } = evidence.counters;
          const inferred = Math.min(referenced(evidence), device.sentBytes);
          const times = buffersLinearised === undefined ? '' : ` ${count.format(buffersLinearised)} times`;
          return {
            ...amount(linearised, inferred),
            says: `payload sent by reference was linearised${times}: TX checksum offload is off on ${device.name}, so the CPU computes it and first copies pages that others may change`,
            remedy: `ethtool -K ${device.name} tx on`,
            evidence: [
              `${formatBytes(referenced(evidence))} were sent by reference`,
              byName(device),
              ...byStack(evidence, 'linearised'),
            ],
          };
        }),
    ),
};

const scatterGather: Rule = {
  name: 'scatter-gather-off',
  judge: (evidence) =>
    worthwhile(
      senders(evidence)
        .filter((device) => device.offloads.scatterGather === false)
        .map((device) => ({
          ...amount(evidence.counters.segmented, Math.min(evidence.counters.payloadSent ?? 0, device.sentBytes)),
          says: `every payload sent through ${device.name} was copied once more: it gathers no fragments (scatter-gather is off), so software segmentation copies`,
          remedy: `ethtool -K ${device.name} sg on tx on tso on`,
          evidence: [byName(device)],
        })),
    ),
};

const withTc = (evidence: Evidence) =>
  evidence.devices.flatMap((device) => device.tcPrograms.map((each) => ({ ...each, device: device.name })));
const tcNames = (evidence: Evidence) =>
  withTc(evidence)
    .map(({ program, direction, device }) => `${program} on ${device} ${direction}`)
    .join(', ');

const tcPull: Rule = {
  name: 'tc-program-pulls',
  judge: (evidence) => {
    const linearised = evidence.counters.linearised ?? 0;
    const offloadsOff = senders(evidence).some((device) => device.offloads.txChecksum === false);
    if (withTc(evidence).length === 0 || linearised < worthSaying || offloadsOff) return [];
    return [
      {
        ...amount(linearised, 0),
        says: `${formatBytes(linearised)} of payload were made linear while tc programs were on the path (${tcNames(evidence)}): one of them pulls the packet's data`,
        remedy:
          'have it read with bpf_skb_load_bytes, or pull only the headers it looks at (bpf_skb_pull_data with their length)',
        evidence: [
          `buffers linearised: ${count.format(evidence.counters.buffersLinearised ?? 0)}`,
          ...byStack(evidence, 'linearised'),
        ],
      },
    ];
  },
  blind: (evidence) =>
    withTc(evidence).length > 0 && blindTo(evidence, 'linearised')
      ? `tc programs are on the path (${tcNames(evidence)}); whether one pulls payload is seen by the functions tier only (\`clearway lab tc-pull\` shows what that costs)`
      : undefined,
};

const xdp: Rule = {
  name: 'xdp-on-path',
  judge: (evidence) =>
    worthwhile(
      evidence.devices
        .filter((device) => device.xdp !== undefined && device.receivedBytes > 0)
        .filter((device) => device.xdp!.mode === 'generic' || device.kind === 'veth')
        .map((device) => ({
          ...amount(
            evidence.counters.xdpCopied,
            Math.min(evidence.counters.payloadReceived ?? 0, device.receivedBytes),
          ),
          says: `received packets were copied for the XDP program ${device.xdp!.program} on ${device.name} (${device.xdp!.mode} mode${device.kind === 'veth' ? ', a veth device' : ''}): what a socket sent is not laid out as the program may see it`,
          remedy:
            device.kind === 'veth'
              ? `attach it to the physical device, or use a tc program; to take it off: ip link set dev ${device.name} xdp off`
              : `attach it in the driver: ip link set dev ${device.name} xdpgeneric off, then xdpdrv`,
          evidence: [`${device.name} received ${formatBytes(device.receivedBytes)} meanwhile`],
        })),
    ),
};

const capture: Rule = {
  name: 'capture-running',
  judge: (evidence) => {
    const { captures, counters } = evidence;
    const pinned = counters.pinned ?? 0;
    const saved = (counters.captured ?? 0) + pinned;
    if (captures.length === 0 || saved < worthSaying) return [];
    return [
      {
        savesBytes: saved,
        certainty: counters.captured === undefined ? 'inferred' : 'counted',
        says: `a packet capture runs (${captures.join(', ')}): ${
          pinned > 0
            ? 'pinned pages are copied once more for it, because it may keep them'
            : 'it copies what it captures'
        }`,
        remedy: 'stop it, or bind it to the interface in question; a filter does not help: it runs after the copy',
        evidence: [`packet sockets: ${captures.length}`, `pinned: ${formatBytes(pinned)}`],
      },
    ];
  },
  blind: ({ captures, counters }) =>
    captures.length > 0 && counters.captured === undefined
      ? `a packet capture runs (${captures.join(', ')}); what it copies into its ring is seen by the functions tier only`
      : undefined,
};

const localRevert: Rule = {
  name: 'zero-copy-reverted',
  judge: ({ counters, devices, stacks }) => {
    const reverted = counters.reverted ?? 0;
    if (reverted < worthSaying) return [];
    const local = devices.filter(({ kind, sentBytes }) => (kind === 'loopback' || kind === 'veth') && sentBytes > 0);
    return [
      {
        savesBytes: reverted,
        certainty: 'counted',
        says: `${formatBytes(reverted)} of ${formatBytes(counters.pinned ?? 0)} sent with zero-copy were copied after all: the receivers are on this host${
          local.length > 0 ? ` (${local.map(({ name }) => name).join(', ')})` : ''
        }, where a packet may wait for ever and user pages may not`,
        remedy:
          'send by sendfile or splice, whose pages stay; or plainly: it copies as much and pins nothing; or share memory over a unix socket',
        evidence: [
          `buffers reverted: ${count.format(counters.reverts ?? 0)}`,
          ...local.map(byName),
          ...byStack(stacks === undefined ? {} : { stacks }, 'reverted'),
        ],
      },
    ];
  },
};

const belowBreakEven: Rule = {
  name: 'zero-copy-below-break-even',
  judge: ({ processes, breakEven }) =>
    processes
      .filter(
        ({ counters }) => (counters.pinned ?? 0) > 0 && (counters.pinned ?? 0) >= 0.9 * (counters.payloadSent ?? 0),
      )
      .map((process) => ({ process, average: process.counters.pinned! / Math.max(1, process.counters.sendCalls ?? 0) }))
      .filter(({ average }) => average < breakEven.bytes)
      .map(({ process, average }) => ({
        savesBytes: 0,
        certainty: 'counted',
        says: `${who(process)} sends ${formatBytes(average)} at a time with zero-copy: below ${formatBytes(breakEven.bytes)} (${breakEven.source}) pinning and the notice cost more than the copy`,
        remedy: 'send small messages plainly, or gather them into larger ones (sendmsg with several buffers)',
        evidence: [
          `${count.format(process.counters.sendCalls ?? 0)} sends, ${formatBytes(process.counters.pinned!)} pinned`,
        ],
      })),
};

const largePlainSends: Rule = {
  name: 'large-plain-sends',
  judge: (evidence) => {
    if (!senders(evidence).some(({ kind }) => kind === 'other')) return [];
    return evidence.processes
      .filter(
        ({ counters }) =>
          (counters.tcpSent ?? 0) >= worthSaying && (counters.tcpSent ?? 0) >= 0.9 * (counters.payloadSent ?? 0),
      )
      .map((process) => ({
        process,
        average: process.counters.tcpSent! / Math.max(1, process.counters.sendCalls ?? 0),
      }))
      .filter(({ average }) => average >= evidence.breakEven.bytes)
      .map(({ process, average }) => ({
        savesBytes: process.counters.tcpSent!,
        certainty: 'inferred',
        says: `${who(process)} sends ${formatBytes(average)} at a time by copying, to other hosts: above ${formatBytes(evidence.breakEven.bytes)} (${evidence.breakEven.source}) zero-copy is cheaper`,
        remedy: 'SO_ZEROCOPY and MSG_ZEROCOPY, io_uring SEND_ZC, or sendfile where the bytes are in a file',
        evidence: [
          `${count.format(process.counters.sendCalls ?? 0)} sends, ${formatBytes(process.counters.tcpSent!)} copied`,
        ],
      }));
  },
};

const unreadNotices: Rule = {
  name: 'zero-copy-without-completion',
  judge: ({ unreadNotices, processes }) =>
    processes
      .map((process) => ({ process, held: unreadNotices.filter(({ processId }) => processId === process.processId) }))
      .filter(({ process, held }) => held.length > 0 && (process.counters.pinned ?? 0) > 0)
      .map(({ process, held }) => ({
        savesBytes: 0,
        certainty: 'counted',
        says: `${who(process)} sends with MSG_ZEROCOPY and does not take the completions: without them it cannot know when its buffers are free, nor that the kernel copied; when the socket's option memory is full, sends fail with ENOBUFS`,
        remedy: 'read the error queue: recvmsg with MSG_ERRQUEUE after EPOLLERR',
        evidence: held.map(
          ({ ends, heldBytes }) => `${ends}: ${heldBytes} bytes of notices wait, nothing is in flight`,
        ),
      })),
  blind: ({ unasked, counters }) =>
    (counters.pinned ?? 0) > 0 && unasked.includes('ss')
      ? 'whether completions are taken is read from ss (iproute2), which is not here'
      : undefined,
};

const spliceFallback: Rule = {
  name: 'splice-fell-back',
  judge: ({ counters }) => {
    const sent = counters.kernelSent ?? 0;
    const read = counters.kernelRead ?? 0;
    if (sent + read < worthSaying) return [];
    return [
      {
        savesBytes: sent + read,
        certainty: 'counted',
        says: `sendfile or splice moved ${formatBytes(sent + read)} by copying: ${
          sent >= read
            ? 'the socket takes no pages (it is not connected, or its protocol has no such way)'
            : 'the file system gives no pages to splice, so the kernel reads into pages of its own'
        }`,
        remedy:
          sent >= read
            ? 'connect the socket before the splice, or send such protocols plainly'
            : 'serve from a file system with a page cache (ext4, xfs, btrfs, tmpfs), without O_DIRECT',
        evidence: [`sent from kernel memory: ${formatBytes(sent)}`, `read into kernel memory: ${formatBytes(read)}`],
      },
    ];
  },
  blind: (evidence) =>
    blindTo(evidence, 'kernelRead') && (evidence.counters.spliced ?? 0) > 0
      ? 'whether a file system copied instead of giving its pages to sendfile is seen by the functions tier only'
      : undefined,
};

/** What a process read of files: counted, or what its reads were less what its sockets gave and sendfile moved. */
function fileBytes({ counters, readBytes }: ProcessEvidence): { bytes: number; counted: boolean } {
  if (counters.fileRead !== undefined) return { bytes: counters.fileRead, counted: true };
  const others = (counters.payloadReceived ?? 0) + (counters.spliced ?? 0);
  return { bytes: Math.max(0, (readBytes ?? 0) - others), counted: false };
}

const copiedOut = ({ counters }: ProcessEvidence) => (counters.tcpSent ?? 0) + (counters.unixSent ?? 0);

const readThenWrite: Rule = {
  name: 'read-and-write-instead-of-sendfile',
  judge: ({ processes }) =>
    processes
      .map((process) => ({ process, file: fileBytes(process), sent: copiedOut(process) }))
      .filter(
        ({ file, sent }) =>
          Math.min(file.bytes, sent) >= worthSaying && file.bytes >= 0.8 * sent && sent >= 0.5 * file.bytes,
      )
      .map(({ process, file, sent }) => ({
        savesBytes: 2 * Math.min(file.bytes, sent),
        certainty: file.counted ? 'counted' : 'inferred',
        says: `${who(process)} read ${formatBytes(file.bytes)} from files and wrote ${formatBytes(sent)} to sockets: every byte came into its memory and went out again`,
        remedy: 'sendfile from the file to the socket (in Node: clearway/node send, or clearway serve)',
        evidence: [`sent by reference: ${formatBytes(process.counters.spliced ?? 0)}`],
      })),
};

const receiveThenSend: Rule = {
  name: 'receive-and-send-instead-of-splice',
  judge: ({ processes }) =>
    processes
      .filter((process) => fileBytes(process).bytes < 0.8 * copiedOut(process))
      .map((process) => ({ process, came: process.counters.tcpReceived ?? 0, went: process.counters.tcpSent ?? 0 }))
      .filter(
        ({ came, went }) => Math.min(came, went) >= worthSaying && Math.min(came, went) >= 0.8 * Math.max(came, went),
      )
      .map(({ process, came, went }) => ({
        savesBytes: 2 * Math.min(came, went),
        certainty: 'inferred',
        says: `${who(process)} received ${formatBytes(came)} and sent ${formatBytes(went)}: if it passes bytes on without looking at them, both copies are needless`,
        remedy: 'splice from socket to pipe to socket, or a sockmap program that redirects in the kernel',
        evidence: ['as much went out over TCP as came in'],
      })),
};

const headerGrowth: Rule = {
  name: 'header-growth',
  judge: ({ counters, devices }) => {
    const bytes = counters.headerExpanded ?? 0;
    if (bytes < worthSaying) return [];
    const buffers = counters.buffersExpanded ?? 0;
    const tunnels = devices.filter(({ kind, sentBytes }) => kind === 'tunnel' && sentBytes > 0).map(({ name }) => name);
    return [
      {
        savesBytes: bytes,
        certainty: 'counted',
        says: `the headers of ${count.format(buffers)} buffers had no room to grow and were moved (${formatBytes(bytes)})${
          tunnels.length > 0
            ? `: tunnels on the path (${tunnels.join(', ')})`
            : ': options, encapsulation or programs that write headers'
        }; payload stays where it is unless it was linearised`,
        remedy:
          tunnels.length > 0
            ? "switch the tunnel's segmentation offload on where the device has it: ethtool -K DEV tx-udp_tnl-segmentation on"
            : 'reserve the room when the header is built (bpf_reserve_hdr_opt), instead of making it later',
        evidence: [`${Math.round(bytes / Math.max(1, buffers))} bytes a buffer`],
      },
    ];
  },
  blind: (evidence) => {
    if (!blindTo(evidence, 'headerExpanded')) return undefined;
    const tunnels = evidence.devices.filter(({ kind }) => kind === 'tunnel').map(({ name }) => name);
    if (tunnels.length === 0) return undefined;
    return `tunnels are on the path (${tunnels.join(', ')}); headers that are moved to grow are seen by the functions tier only`;
  },
};

/** Every rule. */
export const whyRules: readonly Rule[] = [
  ...[checksumOffload, scatterGather, tcPull, xdp, capture, localRevert, belowBreakEven, largePlainSends],
  ...[unreadNotices, spliceFallback, readThenWrite, receiveThenSend, headerGrowth],
];

/** Asks every rule. Reasons that save time and no copy come last. */
export function explain(evidence: Evidence): Why {
  const reasons = whyRules.flatMap((rule) =>
    rule.judge(evidence).map((found): Reason => ({ rule: rule.name, ...found })),
  );
  const blind = whyRules.flatMap((rule): Blind[] => {
    const says = rule.blind?.(evidence);
    return says === undefined ? [] : [{ rule: rule.name, says }];
  });
  return { reasons: reasons.sort((left, right) => right.savesBytes - left.savesBytes), blind };
}
