// Runs scripts of packetdrill on the stack, in virtual time: each event at its time, each segment of the stack's held to what is expected of it. Programs
// that look at Linux' own figures (tcp_info) are counted and passed over; what else a script needs of a kernel makes it one that cannot be run here.

import { ARP, arp, ethernet, get16 } from '../packets.js';
import { ipv4Of } from '../stack-host.js';
import { TcpHost } from '../tcp-host.js';
import { readSegment } from '../tcp-segment.js';
import { Application } from './application.js';
import { Mismatch, Peer, type SentSegment, Unsupported } from './peer.js';
import {
  type PacketdrillScript,
  readScript,
  type ScriptCall,
  ScriptError,
  type ScriptEvent,
  type When,
} from './syntax.js';

const ENDS = {
  fromMac: '02:00:00:00:00:02',
  toMac: '02:00:00:00:00:01',
  from: '192.0.2.1',
  to: '192.168.0.1',
} as const;
const GATEWAY = '192.168.0.2';
const PORT = 8080;
const TOLERANCE_US = 4000;
const START_US = 10_000_000;

/** How a script went. */
export interface Verdict {
  readonly outcome: 'passed' | 'failed' | 'unsupported';
  /** Why it failed, or what it needs. */
  readonly reason: string;
  /** Programs of assertions on the kernel's own figures, which say nothing here. */
  readonly unchecked: number;
}

/** A call that waits. */
interface Waiting {
  readonly call: ScriptCall;
  readonly line: number;
  readonly endUs: number;
}

class Run {
  readonly #host: TcpHost;
  readonly #application: Application;
  readonly #tolerance: number;
  readonly #mss: number;
  #nowUs = START_US;
  #peer: Peer;
  #peerPort = 40_000;
  #sent: SentSegment[] = [];
  #waiting: Waiting | undefined;
  unchecked = 0;

  constructor(script: PacketdrillScript, congestion: number) {
    this.#tolerance = Number(script.options.get('tolerance_usecs') ?? TOLERANCE_US);
    this.#mss = Number(script.options.get('mss') ?? 1460);
    this.#host = new TcpHost({
      mac: ENDS.toMac,
      ipv4: `${ENDS.to}/16`,
      ipv4Gateway: GATEWAY,
      seed: 7,
      // Windows of 8 MiB, as the scripts' kernels have them: their shift is 8.
      settings: { frameCount: 4096, receiveFrames: 8192, sendFrames: 1024, congestion },
      pages: 224,
    });
    this.#application = new Application(this.#host, ENDS.from, PORT);
    this.#peer = new Peer(ENDS, PORT, PORT);
    this.#introduce();
  }

  run(events: readonly ScriptEvent[]): void {
    for (const { line, when, what } of events) {
      const isTimed = when.base !== 'any';
      // From the moment at which the event before was over, as packetdrill has it.
      const before = this.#scriptUs;
      const due = when.base === 'start' ? when.at : before + when.at;
      const span = when.until === undefined ? 0 : when.until - when.at;
      try {
        if (what.kind === 'segment' && !what.isInbound) this.#expect(what, due, span, isTimed);
        else {
          this.#passTo(due);
          if (what.kind === 'segment') this.#deliver(what);
          else if (what.kind === 'icmp') this.#tell(what);
          else if (what.kind === 'call') this.#call(what, line, this.#endOf(when, before));
          else if (what.kind === 'program') this.unchecked++;
          else throw new Unsupported(`the command ${what.text.trim().split('\n')[0]}`);
        }
      } catch (error) {
        if (error instanceof Unsupported) throw new Unsupported(`line ${line}: ${error.message}`);
        throw new ScriptError(line, (error as Error).message);
      }
    }
    if (this.#waiting !== undefined) this.#passTo(this.#waiting.endUs + this.#tolerance);
    if (this.#waiting !== undefined)
      throw new ScriptError(this.#waiting.line, `${this.#waiting.call.name} still waits`);
    const { faultStack } = this.#host.figures();
    if (faultStack !== undefined) throw new Error(`${faultStack} frames were not the stack's`);
  }

  get #scriptUs(): number {
    return this.#nowUs - START_US;
  }

  /** The gateway is known, so that no segment waits for it. */
  #introduce(): void {
    this.#turn();
    this.#host.connect(ENDS.from, 9);
    this.#turn();
    const answer = arp(2, ENDS.fromMac, GATEWAY, ENDS.toMac, ENDS.to);
    this.#host.deliver(ethernet(ENDS.toMac, ENDS.fromMac, ARP, answer));
    this.#turn();
    this.#host.core.abort(0);
    this.#turn();
    this.#sent = [];
  }

  #turn(): void {
    for (let again = 0; again < 64; again++) {
      const turned = this.#host.core.turn(this.#nowUs >>> 0);
      this.#application.work();
      this.#retry();
      const packets = this.#host.takeSent();
      for (const packet of packets) this.#take(packet);
      if (packets.length === 0 && (turned & 6) === 0 && again > 0) return;
    }
  }

  #take(packet: Uint8Array): void {
    if (get16(packet, 12) === ARP && packet[21] === 1) {
      const answer = arp(2, ENDS.fromMac, GATEWAY, ENDS.toMac, ENDS.to);
      if (packet.subarray(38, 42).join('.') === ipv4Of(GATEWAY).join('.'))
        this.#host.deliver(ethernet(ENDS.toMac, ENDS.fromMac, ARP, answer));
      return;
    }
    const segment = readSegment(packet);
    if (segment !== undefined) this.#sent.push({ us: this.#nowUs, segment, packet: packet.slice(14) });
  }

  /** Lets time go by up to a moment of the script, or until something is there. */
  #passTo(scriptUs: number, isThere: () => boolean = () => false): void {
    const until = START_US + scriptUs;
    this.#turn();
    for (let turns = 0; turns < 1_000_000 && !isThere(); turns++) {
      const next = this.#nowUs + Math.max(1, this.#host.core.nextDeadlineUs() >>> 0);
      if (next > until) {
        if (until > this.#nowUs) this.#nowUs = until;
        this.#turn();
        return;
      }
      this.#nowUs = next;
      this.#turn();
    }
  }

  #expect(wanted: ScriptEvent['what'] & { kind: 'segment' }, due: number, span: number, isTimed: boolean): void {
    const latest = isTimed ? due + span + this.#tolerance : due + 100_000_000;
    const match = (): number => this.#peerOf(wanted).match(wanted, this.#sent);
    let used = 0;
    this.#passTo(latest, () => {
      used = this.#sent.length === 0 ? 0 : match();
      return used > 0;
    });
    if (used === 0 && this.#sent.length > 0) used = match();
    if (used === 0) {
      const seen = this.#sent.map(({ segment }) => this.#peer.describe(segment)).join('; ');
      throw new Mismatch(seen === '' ? 'nothing was sent' : `only this was sent: ${seen}`);
    }
    const { us } = this.#sent[used - 1]!;
    const off = us - START_US - due;
    if (isTimed && (off < -this.#tolerance || off > span + this.#tolerance))
      throw new Mismatch(`sent ${off / 1000} ms after ${due / 1e6} s`);
    this.#sent.splice(0, used);
    this.#peer.hasCut = false;
  }

  /** A SYN of the stack's begins a connection to a peer of its own. */
  #peerOf(wanted: ScriptEvent['what'] & { kind: 'segment' }): Peer {
    const first = this.#sent[0]?.segment;
    if (wanted.flags.includes('S') && !wanted.flags.includes('.') && first !== undefined)
      this.#peer = new Peer(ENDS, first.ports[0], first.ports[1]);
    return this.#peer;
  }

  #deliver(segment: ScriptEvent['what'] & { kind: 'segment' }): void {
    if (segment.ecn !== undefined && segment.ecn !== 'noecn') throw new Unsupported('congestion notification (ECN)');
    if (segment.flags.includes('S') && segment.length > 0) throw new Unsupported('data with a SYN (fast open)');
    // A SYN of the peer's begins a connection from a port of its own, unless it is said again.
    if (/^S[^.]*$/.test(segment.flags)) this.#peer = new Peer(ENDS, PORT, this.#peerPort++);
    for (const frame of this.#peer.frames(segment, this.#mss)) this.#host.deliver(frame);
    this.#turn();
  }

  #tell(icmp: ScriptEvent['what'] & { kind: 'icmp' }): void {
    this.#host.deliver(this.#peer.icmpFrame(icmp));
    this.#turn();
  }

  #endOf(when: When, before: number): number | undefined {
    if (when.until === undefined) return undefined;
    return when.base === 'before' ? before + when.until : when.until;
  }

  #call(call: ScriptCall, line: number, endUs: number | undefined): void {
    if (this.#waiting !== undefined) throw new Unsupported(`${call.name}, while ${this.#waiting.call.name} waits`);
    const result = this.#application.call(call);
    this.#turn();
    if (result === undefined) {
      if (endUs === undefined) throw new Mismatch(`${call.name} would wait`);
      this.#waiting = { call, line, endUs };
    } else this.#judge(call, result);
  }

  /** A call that waits is made again. */
  #retry(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    const result = this.#application.call(waiting.call);
    if (result === undefined) return;
    this.#waiting = undefined;
    this.#judge(waiting.call, result);
    const off = this.#scriptUs - waiting.endUs;
    if (Math.abs(off) > this.#tolerance)
      throw new ScriptError(waiting.line, `${waiting.call.name} ended ${off / 1000} ms off`);
  }

  #judge(call: ScriptCall, result: number): void {
    const wanted = call.error === undefined ? Number(call.result) : Application.errorOf(call.error);
    if (result !== wanted) throw new Mismatch(`${call.name} returned ${result}, not ${wanted}`);
  }
}

/** What of a script's set-up changes the stack here. @throws Unsupported */
function congestionOf(script: PacketdrillScript): number {
  const commands = script.setUp.join('\n');
  const needs =
    /tcp_timestamps=0|tcp_ecn=[12]|mtu_probing|advmss|tcp_fastopen|ip route|notsent_lowat|tcp_pacing_ss_ratio=200\s*\n.*min_tso_segs=2/.exec(
      commands.replace(/.*defaults\.sh/g, ''),
    );
  if (needs !== null) throw new Unsupported(`the set-up ${needs[0]}`);
  if ((script.options.get('ip_version') ?? 'ipv4') !== 'ipv4')
    throw new Unsupported(`${script.options.get('ip_version')}`);
  return /tcp_congestion_control=reno/.test(commands) ? 1 : 0;
}

/** Runs one script. */
export function runScript(text: string): Verdict {
  let run: Run | undefined;
  try {
    const script = readScript(text);
    run = new Run(script, congestionOf(script));
    run.run(script.events);
    return { outcome: 'passed', reason: '', unchecked: run.unchecked };
  } catch (error) {
    const outcome = error instanceof Unsupported ? 'unsupported' : 'failed';
    return { outcome, reason: (error as Error).message, unchecked: run?.unchecked ?? 0 };
  }
}
