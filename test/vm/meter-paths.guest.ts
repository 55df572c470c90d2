// The function tier on paths that copy: a veth pair between two namespaces with one thing done to packets on it, as the
// laboratory's treatments do. What is known exactly must be counted exactly, and every copy must be billed to the end that
// caused it, never to the process that happened to run the transmit.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BpfMap } from '../../src/bpf/map.js';
import { BpfProgram } from '../../src/bpf/program.js';
import { RefusedError } from '../../src/bpf/refusals.js';
import { closeDescriptor, listenTcp, localAddress } from '../../src/kernel/socket.js';
import { type EndTask, endProgram } from '../../src/lab/end.js';
import { addresses, device, makePair, type Pair, tool } from '../../src/lab/namespaces.js';
import { countersMap, pullProgram } from '../../src/lab/programs.js';
import type { SenderName } from '../../src/lab/senders.js';
import { type Applied, treatments } from '../../src/lab/treatments.js';
import { type Counters, createMeter, type Meter } from '../../src/meter/index.js';
import { countersOf } from '../../src/meter/support.test.js';

const bytes = 4 * 1024 * 1024 + 77;
const ipv4HeaderBytes = 66;
const way: Readonly<Record<string, keyof Counters>> = { write: 'tcpSent', sendfile: 'spliced', zerocopy: 'pinned' };

/** What one transfer did, by who was billed. */
interface Outcome {
  readonly sender: Counters;
  readonly receiver: Counters;
  readonly capture: Counters;
  /** Bytes copied in the kernel meanwhile whose owner was not known (process 0). */
  readonly ownerless: number;
  readonly program: { packets: number; linearised: number } | undefined;
}

interface Expectation {
  readonly treatment: string;
  readonly senders?: readonly SenderName[];
  /** Checks what the treatment makes of a transfer. */
  check(outcome: Outcome, sender: SenderName): void;
}

const zero = (counters: Counters, ...names: (keyof Counters)[]): void => {
  for (const name of names) assert.equal(counters[name], 0, name);
};

const between = (value: number | undefined, least: number, most: number, what: string): void =>
  assert.ok(value! >= least && value! <= most, `${what}: ${value} is not within ${least} and ${most}`);

/** Retransmitted bytes are copied again. */
const withRetransmissions = 1.1;

const expectations: readonly Expectation[] = [
  {
    treatment: 'none',
    check: ({ sender, receiver }, name) => {
      zero(sender, 'linearised', 'segmented', 'xdpCopied', 'captured');
      zero(receiver, 'linearised', 'segmented', 'xdpCopied', 'reverted');
      if (name === 'zerocopy') between(sender.reverted, bytes, bytes * withRetransmissions, 'reverted');
      else zero(sender, 'reverted');
    },
  },
  {
    treatment: 'tc-pull',
    check: ({ sender, program }) => {
      assert.equal(sender.linearised, program!.linearised);
      between(sender.linearised, bytes, bytes * withRetransmissions, 'linearised');
      assert.ok(sender.buffersLinearised! > 0);
    },
  },
  {
    treatment: 'nft-dscp',
    senders: ['sendfile'],
    check: ({ sender }) => {
      zero(sender, 'linearised', 'segmented', 'reverted');
      between(sender.otherCopied, 100, bytes / 1000, 'header bytes');
    },
  },
  {
    treatment: 'xdp',
    check: ({ sender, receiver, program }) => {
      zero(sender, 'xdpCopied', 'linearised');
      assert.ok(sender.segmented! > 0 && sender.segmented! % ipv4HeaderBytes === 0, `segmented ${sender.segmented}`);
      const headers = receiver.xdpCopied! - bytes;
      between(headers, sender.segmented!, ipv4HeaderBytes * program!.packets * 2, 'XDP headers');
    },
  },
  {
    treatment: 'sg-off',
    senders: ['write', 'sendfile'],
    check: ({ sender }) => between(sender.segmented, bytes, bytes * 1.2, 'segmented'),
  },
  {
    treatment: 'tx-off',
    senders: ['write', 'sendfile'],
    check: ({ sender }, name) => {
      if (name === 'write') zero(sender, 'linearised');
      else between(sender.linearised, bytes, bytes * withRetransmissions, 'linearised');
      assert.equal(sender.segmented! % ipv4HeaderBytes, 0);
    },
  },
  {
    treatment: 'tso-off',
    senders: ['sendfile'],
    check: ({ sender }) => {
      zero(sender, 'linearised');
      const segments = sender.segmented! / ipv4HeaderBytes;
      assert.ok(Number.isInteger(segments), `segmented ${sender.segmented}`);
      between(segments, Math.floor(bytes / 1448) * 0.9, (bytes / 1448) * withRetransmissions, 'segments');
    },
  },
  {
    treatment: 'tcpdump',
    senders: ['sendfile', 'zerocopy'],
    check: ({ sender, receiver, capture }, name) => {
      zero(sender, 'captured');
      zero(receiver, 'captured');
      assert.ok(capture.captured! > 0, 'captured');
      if (name === 'zerocopy') between(sender.reverted, 2 * bytes, 2 * bytes * withRetransmissions, 'reverted');
    },
  },
];

const allSenders: readonly SenderName[] = ['write', 'sendfile', 'zerocopy'];

const folder = mkdtempSync(join(tmpdir(), 'clearway-paths-'));
let files = 0;

/** tc's own way of attaching, for kernels before tcx (6.6). */
function attachByTc(pair: Pair): Applied {
  const counters = BpfMap.create(countersMap);
  const program = BpfProgram.load({ name: 'pull', type: 'tc', code: pullProgram() }, { [countersMap.name]: counters });
  const pin = `/sys/fs/bpf/clearway-${process.pid}-${files++}`;
  program.pin(pin);
  pair.within('left', () => {
    tool('tc', 'qdisc', 'add', 'dev', device, 'clsact');
    tool('tc', 'filter', 'add', 'dev', device, 'egress', 'bpf', 'da', 'object-pinned', pin);
  });
  const undo = () => {
    spawnSync('rm', ['-f', pin]);
    program.close();
    counters.close();
  };
  return { counters, undo };
}

function apply(name: string, pair: Pair): Applied & { tcpdump?: ChildProcess } {
  if (name === 'tcpdump') {
    const args = [
      'netns',
      'exec',
      pair.path('left').split('/').at(-1)!,
      'tcpdump',
      '-i',
      device,
      '-w',
      '/dev/null',
      '-s',
      '0',
    ];
    const tcpdump = spawn('ip', [...args, '-B', '65536'], { stdio: 'ignore' });
    return { tcpdump, undo: () => void tcpdump.kill('SIGINT') };
  }
  try {
    return treatments.find((each) => each.name === name)!.apply(pair);
  } catch (error) {
    if (name !== 'tc-pull' || !(error instanceof RefusedError)) throw error;
    return attachByTc(pair);
  }
}

function start(task: Omit<EndTask, 'parent'>, socket?: number): ChildProcess {
  const whole: EndTask = { ...task, parent: process.pid };
  const given = socket === undefined ? [] : [socket];
  return spawn(process.execPath, [endProgram, JSON.stringify(whole)], {
    stdio: ['ignore', 'ignore', 'inherit', ...given],
  });
}

const accept4 = '288';

/** Until the receiver waits for its connection: what comes before that belongs to the one that made the listener. */
async function accepting(processId: number): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    if (readFileSync(`/proc/${processId}/syscall`, 'utf8').split(' ')[0] === accept4) return;
    await new Promise((wake) => setTimeout(wake, 20));
  }
}

/** Copies that have an owner in every one of these experiments. */
function ownerless(meter: Meter): number {
  const { linearised = 0, reverted = 0, segmented = 0, xdpCopied = 0, captured = 0 } = countersOf(meter.read(), 0);
  return linearised + reverted + segmented + xdpCopied + captured;
}

async function transfer(meter: Meter, treatment: string, sender: SenderName): Promise<Outcome> {
  const ownerlessBefore = ownerless(meter);
  const pair = makePair();
  const applied = apply(treatment, pair);
  try {
    if (applied.tcpdump !== undefined) await new Promise((wake) => setTimeout(wake, 4000));
    const listener = pair.within('right', () => listenTcp({ host: addresses.right, port: 0 }));
    const { port } = localAddress(listener);
    const receiving = start({ role: 'receive', bytes, namespace: pair.path('right') }, listener);
    closeDescriptor(listener);
    await accepting(receiving.pid!);
    const result = join(folder, String(files++));
    const task = { role: 'send', bytes, sender, host: addresses.right, port, result } as const;
    const sending = start({ ...task, namespace: pair.path('left') });
    const ends = await Promise.all([once(receiving, 'exit'), once(sending, 'exit')]);
    assert.deepEqual(
      ends.map(([status]) => status),
      [0, 0],
    );
    await new Promise((wake) => setTimeout(wake, 200));
    const reading = meter.read();
    const value = applied.counters?.lookup(0);
    const counter = (at: number) => Number(value!.getBigUint64(at, true));
    return {
      sender: countersOf(reading, sending.pid),
      receiver: countersOf(reading, receiving.pid),
      capture: countersOf(reading, applied.tcpdump?.pid),
      ownerless: ownerless(meter) - ownerlessBefore,
      program: value === undefined ? undefined : { packets: counter(0), linearised: counter(8) },
    };
  } finally {
    applied.undo();
    pair.remove();
  }
}

const shown = [
  'reverted',
  'linearised',
  'headerExpanded',
  'segmented',
  'xdpCopied',
  'coalesced',
  'captured',
  'otherCopied',
] as const;
const words = (counters: Counters): string =>
  shown
    .filter((name) => counters[name] !== 0)
    .map((name) => `${name} ${counters[name]}`)
    .join(', ') || '-';

test('copies on the path, by cause and by who caused them', async (context) => {
  const meter = createMeter();
  try {
    assert.equal(meter.tier, 'functions');
    for (const { treatment, senders = allSenders, check } of expectations) {
      for (const sender of senders) {
        await context.test(`${treatment}, ${sender}`, async (each) => {
          const outcome = await transfer(meter, treatment, sender);
          each.diagnostic(`sender: ${words(outcome.sender)}`);
          each.diagnostic(
            `receiver: ${words(outcome.receiver)}${treatment === 'tcpdump' ? `; tcpdump: ${words(outcome.capture)}` : ''}`,
          );
          const errors = [
            outcome.sender[way[sender]!]! - bytes,
            outcome.sender.payloadSent! - bytes,
            outcome.receiver.tcpReceived! - bytes,
            outcome.receiver.payloadReceived! - bytes,
            outcome.ownerless,
          ];
          each.diagnostic(`error ${errors.reduce((sum, error) => sum + Math.abs(error), 0)}`);
          assert.deepEqual(errors, [0, 0, 0, 0, 0]);
          check(outcome, sender);
        });
      }
    }
  } finally {
    meter.close();
  }
});
