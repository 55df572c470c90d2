// Runs experiments: for each, a fresh pair of namespaces, the treatment, and then every sender through it while the copy
// meter counts. Whatever ends a run, an exception or a signal, nothing of it stays. Not here: words (report.ts).

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BpfMap } from '../bpf/map.js';
import { RefusedError } from '../bpf/refusals.js';
import { closeDescriptor, listenTcp, localAddress } from '../kernel/socket.js';
import type { ZerocopyNotices } from '../kernel/zerocopy-notice.js';
import { addCounters, type Counters, createMeter, type Meter, type Tier } from '../meter/index.js';
import { type EndResult, type EndTask, endProgram, packetSocket } from './end.js';
import { addresses, LabError, makePair, type Pair } from './namespaces.js';
import { type Predicted, predictExperiment } from './prediction.js';
import { arrivalProgram, counterAt } from './programs.js';
import type { SenderName } from './senders.js';
import { type Applied, attachTc, type Treatment } from './treatments.js';

/** What one experiment measured, in bytes. What nobody could see is absent, never 0. */
export interface Measured {
  /** What the meter counted for the sender, the receiver and a capture together. */
  readonly counters: Counters;
  /** Payload that arrived in the linear part of buffers: it was copied there on the way. From a program of the lab. */
  readonly arrivedLinear: number;
  /** What the treatment's own program did, where it is one of ours. */
  readonly program?: { readonly packets: number; readonly linearised: number; readonly headerBytes: number };
  /** What the kernel told the sender of its MSG_ZEROCOPY sends. */
  readonly notices?: ZerocopyNotices;
}

/** One sender through one treatment. */
export interface Experiment {
  readonly treatment: string;
  readonly words: string;
  readonly sender: SenderName;
  readonly bytes: number;
  readonly tier: Tier;
  readonly predicted: Predicted;
  readonly measured?: Measured;
  /** Why there is no measurement. */
  readonly skipped?: string;
}

/** What to run. */
export interface LabPlan {
  readonly treatments: readonly Treatment[];
  readonly senders: readonly SenderName[];
  /** Payload of each experiment. */
  readonly bytes: number;
  /** Called with each experiment as it ends. */
  readonly progress?: (experiment: Experiment) => void;
}

const limitMs = 60_000;

/** A laboratory: one meter, and the experiments run under it. Close it in any case. */
export class Lab {
  readonly meter: Meter;
  private readonly folder = mkdtempSync(join(tmpdir(), 'clearway-lab-'));
  private readonly children = new Set<ChildProcess>();
  private pair: Pair | undefined;
  private applied: Applied | undefined;
  private arrival: (Applied & { counters: BpfMap }) | undefined;
  private files = 0;
  private closed = false;

  /** Attaches the meter. @throws RefusedError, SelfTestError where the host does not allow it. */
  constructor() {
    try {
      this.meter = createMeter();
    } catch (error) {
      rmSync(this.folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Runs experiments one after the other. @throws what is no fault of the host or of a tool. */
  async run(plan: LabPlan): Promise<Experiment[]> {
    const done: Experiment[] = [];
    for (const treatment of plan.treatments) {
      for (const sender of plan.senders) {
        const experiment = await this.experiment(treatment, sender, plan.bytes);
        plan.progress?.(experiment);
        done.push(experiment);
      }
    }
    return done;
  }

  private async experiment(treatment: Treatment, sender: SenderName, bytes: number): Promise<Experiment> {
    const experiment = {
      ...{ treatment: treatment.name, words: treatment.words, sender, bytes },
      tier: this.meter.tier,
      predicted: predictExperiment(sender, treatment.path, bytes),
    };
    try {
      this.pair = makePair();
      this.applied = treatment.apply(this.pair);
      this.arrival = attachTc(this.pair, 'right', 'ingress', arrivalProgram());
      return { ...experiment, measured: await this.transfer(sender, bytes) };
    } catch (error) {
      if (this.closed || !(error instanceof LabError || error instanceof RefusedError)) throw error;
      return { ...experiment, skipped: error.message };
    } finally {
      this.tidyUp();
    }
  }

  /** Sends the bytes from left to right and reads every witness. */
  private async transfer(sender: SenderName, bytes: number): Promise<Measured> {
    const pair = this.pair!;
    const listener = pair.within('right', () => listenTcp({ host: addresses.right, port: 0 }));
    const { port } = localAddress(listener);
    const processes: ChildProcess[] = [];
    if (this.applied!.capture) {
      const socket = pair.within('left', packetSocket);
      processes.push(this.start(pair.path('left'), { role: 'capture', bytes }, socket));
      closeDescriptor(socket);
    }
    const receiver = this.start(pair.path('right'), { role: 'receive', bytes }, listener);
    closeDescriptor(listener);
    const result = join(this.folder, String(this.files++));
    const { controlGroup } = this.applied!;
    const joined = controlGroup === undefined ? {} : { controlGroup };
    const task = { role: 'send', bytes, sender, host: addresses.right, port, result, ...joined } as const;
    const sending = this.start(pair.path('left'), task);
    await Promise.all([finished(receiver, 'the receiver'), finished(sending, `the sender (${sender})`)]);
    if (processes.length > 0) await new Promise((wake) => setTimeout(wake, 200));
    const { rows } = this.meter.read();
    const wanted = new Set([...processes, receiver, sending].map((child) => child.pid));
    const { notices } = JSON.parse(readFileSync(result, 'utf8')) as EndResult;
    const program = this.applied!.counters;
    return {
      counters: addCounters(rows.filter((row) => wanted.has(row.processId)).map((row) => row.counters)),
      arrivedLinear: readCounter(this.arrival!.counters, counterAt.linearised),
      ...(program === undefined ? {} : { program: programCounters(program) }),
      ...(notices === undefined ? {} : { notices }),
    };
  }

  private start(namespace: string, task: Omit<EndTask, 'namespace' | 'parent'>, socket?: number): ChildProcess {
    const whole: EndTask = { ...task, namespace, parent: process.pid };
    const child = spawn(process.execPath, [endProgram, JSON.stringify(whole)], {
      stdio: ['ignore', 'ignore', 'pipe', ...(socket === undefined ? [] : [socket])],
    });
    this.children.add(child);
    child.on('exit', () => this.children.delete(child));
    return child;
  }

  private tidyUp(): void {
    for (const child of this.children) child.kill('SIGKILL');
    this.children.clear();
    this.arrival?.undo();
    this.applied?.undo();
    this.pair?.remove();
    this.arrival = undefined;
    this.applied = undefined;
    this.pair = undefined;
  }

  /** Ends what is under way and removes everything: at the end, and from signal handlers. Harmless when done twice. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.tidyUp();
    this.meter.close();
    if (existsSync(this.folder)) rmSync(this.folder, { recursive: true, force: true });
  }
}

function readCounter(map: BpfMap, at: number): number {
  return Number(map.lookup(0)!.getBigUint64(at, true));
}

function programCounters(map: BpfMap) {
  return {
    packets: readCounter(map, counterAt.packets),
    linearised: readCounter(map, counterAt.linearised),
    headerBytes: readCounter(map, counterAt.headerBytes),
  };
}

/** Waits for a process; one that fails or takes more than a minute is an error. */
async function finished(child: ChildProcess, who: string): Promise<void> {
  let complaint = '';
  child.stderr!.on('data', (bytes) => {
    complaint += String(bytes);
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
  try {
    const [status] = (await once(child, 'exit')) as [number | null];
    if (status === 0) return;
    const said = /^\w*Error.*$/m.exec(complaint)?.[0] ?? complaint.trim().split('\n').at(-1);
    throw new LabError(`${who} ${status === null ? 'was stopped' : 'failed'}${said ? `: ${said}` : ''}`);
  } finally {
    clearTimeout(timer);
  }
}
