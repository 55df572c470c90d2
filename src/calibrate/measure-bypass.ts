// What an echo of UDP costs past the kernel, part by part, and through the kernel's socket: on veth pairs in network namespaces that nobody else is in. One
// thread is the load, the kernel between, and the server, so that each part's processor time is read around it. What a sender costs by itself is measured
// on a tap and taken off. Not here: what that means for the model (fit-bypass.ts).

import { closeSync, readSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { BypassDevice } from '../bypass/bypass-device.js';
import { planBypass } from '../bypass/bypass-plan.js';
import { Stack } from '../bypass/stack.js';
import { Turned } from '../bypass/stack-exports.js';
import { XdpLink } from '../bypass/xdp-link.js';
import { setChecksumOffload } from '../kernel/ethtool.js';
import { closeDescriptor, receive, send } from '../kernel/socket.js';
import { connectedUdp } from '../kernel/socket-pair.js';
import { threadProcessorNs } from '../kernel/thread-clock.js';
import { Region } from '../memory/region.js';
import { coded } from '../text/coded.js';
import { Tap } from '../vhost/net/tap.js';
import type { BypassPoint } from './bypass-series.js';
import { bringUp, ip, makeVeth, newNamespace, within } from './namespaces.js';

const ports = { server: 7, load: 5000 } as const;
/** Ethernet, IPv4, UDP and FCS: what a frame has beside its payload. */
const aroundPayload = 14 + 20 + 8 + 4;
/** Processor milliseconds of one measurement, and of those before the first one, for the compiler. */
const forMs = 12;
const warmMs = 150;
/** Milliseconds within which packets have to come back. */
const patienceMs = 2000;
/** And for the first ones that are late to have come. */
const settleMs = 20;

/** Nanoseconds of a batch, by part. */
interface Spent {
  receive: number;
  core: number;
  send: number;
}

/** What asking the clock costs: it is in each stretch of time between two readings. */
function clockNs(): number {
  const readings = 2000;
  const before = threadProcessorNs();
  for (let reading = 1; reading < readings; reading++) threadProcessorNs();
  return (threadProcessorNs() - before) / readings;
}

/** Our own TCP/IP on a veth, the kernel's socket on another, and who asks both. */
export class BypassRig {
  readonly #onClose: (() => void)[] = [];
  readonly #memory = new Region(4096);
  readonly #stack: Stack;
  readonly #link: XdpLink;
  /** The stack's socket; the load's to it, the load's to the kernel's way, to nobody; and the kernel's way. */
  readonly #socket: number;
  readonly #toStack: number;
  readonly #toKernel: number;
  readonly #toNobody: number;
  readonly #kernel: number;
  readonly #tap: number;
  readonly #sums: Spent = { receive: 0, core: 0, send: 0 };
  #clockNs = 0;
  #isWarm = false;

  private constructor() {
    try {
      const [server, load] = [this.#keep(newNamespace(), closeSync), this.#keep(newNamespace(), closeSync)];
      const udp = (namespace: number, own: string, ownPort: number, peer: string, port: number): number => {
        const open = () => connectedUdp({ host: own, port: ownPort }, { host: peer, port });
        return this.#keep(within(namespace, open), closeDescriptor);
      };
      within(server, () => {
        for (const [near, far] of [
          ['bypass', 'far0'],
          ['socket', 'far1'],
        ] as const)
          makeVeth(near, far, load);
        bringUp('bypass');
        bringUp('socket', '10.87.1.2/24');
      });
      const tap = within(load, () => new Tap('nobody', 1));
      this.#tap = this.#keep(tap.descriptors[0]!, closeDescriptor);
      within(load, () => {
        bringUp('far0', '10.87.0.1/24');
        bringUp('far1', '10.87.1.1/24');
        bringUp('nobody', '10.87.2.1/24');
        ip('link', 'set', 'nobody', 'arp', 'off');
        // As over a wire: who sends makes whole checksums, and our stack has something to verify.
        for (const device of ['far0', 'nobody']) setChecksumOffload(device, false);
      });
      [this.#stack, this.#link] = within(server, () => this.#openStack());
      this.#socket = this.#stack.openDatagrams('::', ports.server);
      if (this.#socket < 0) throw coded('CLEARWAY_CALIBRATE', new Error('no socket for datagrams'));
      this.#toStack = udp(load, '10.87.0.1', ports.load, '10.87.0.2', ports.server);
      this.#toKernel = udp(load, '10.87.1.1', ports.load, '10.87.1.2', ports.server);
      this.#toNobody = udp(load, '10.87.2.1', ports.load, '10.87.2.2', ports.server);
      this.#kernel = udp(server, '10.87.1.2', ports.server, '10.87.1.1', ports.load);
      this.#meet();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Makes one. @throws Error, SystemError, XdpError where this user or this host may not have it */
  static make(): BypassRig {
    return new BypassRig();
  }

  /** Makes one; undefined where {@link make} throws. */
  static open(): BypassRig | undefined {
    try {
      return BypassRig.make();
    } catch {
      return undefined;
    }
  }

  #keep(descriptor: number, close: (descriptor: number) => unknown): number {
    this.#onClose.push(() => close(descriptor));
    return descriptor;
  }

  #openStack(): [Stack, XdpLink] {
    const plan = planBypass({ device: 'bypass', addresses: ['10.87.0.2/24'] });
    const { mac, mtu, addresses, ifindex } = plan;
    const stack = new Stack({ mac, mtu, addresses, frames: 8192, sockets: 64 });
    const link = new XdpLink(stack, 'bypass', ifindex, 0);
    this.#onClose.push(() => link.close());
    const device = new BypassDevice(plan);
    this.#onClose.push(() => device.close());
    device.bring([{ queue: 0, fd: link.descriptor }]);
    return [stack, link];
  }

  /** The ends learn each other's link addresses: the first datagrams wait for that, or are lost. */
  #meet(): void {
    const spent = { receive: 0, core: 0, send: 0 };
    const until = performance.now() + patienceMs;
    let [ours, kernel] = [0, 0];
    while (ours === 0 || kernel === 0) {
      if (performance.now() > until)
        throw coded('CLEARWAY_CALIBRATE', new Error('datagrams of the calibration did not come back'));
      if (ours === 0) this.#send(this.#toStack, 18, 1);
      if (kernel === 0) this.#send(this.#toKernel, 18, 1);
      for (let turns = 0; turns < 4; turns++) this.#turn(spent);
      this.#answerByKernel(64);
      ours += this.#drain(this.#toStack);
      kernel += this.#drain(this.#toKernel);
    }
    this.#settle(spent);
  }

  /** What is still under way of the first datagrams comes, and is thrown away. */
  #settle(spent: Spent): void {
    const until = performance.now() + settleMs;
    while (performance.now() < until) {
      this.#turn(spent);
      this.#answerByKernel(64);
      for (const fd of [this.#toStack, this.#toKernel]) this.#drain(fd);
    }
  }

  #send(fd: number, payload: number, count: number): number {
    const before = threadProcessorNs();
    for (let sent = 0; sent < count; sent++) send(fd, this.#memory.address, payload, 0);
    return threadProcessorNs() - before;
  }

  #drain(fd: number): number {
    let count = 0;
    while (receive(fd, this.#memory.address, this.#memory.bytes.length) >= 0) count++;
    return count;
  }

  /** What a sender costs whose packets nobody takes. */
  #sendToNobody(payload: number, count: number): number {
    const spent = this.#send(this.#toNobody, payload, count);
    try {
      while (readSync(this.#tap, this.#memory.bytes) > 0);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
    return spent;
  }

  /** One turn of the loop of a server past the kernel (bench/bypass/echo-ours.ts). */
  #turn(spent: Spent): void {
    const stack = this.#stack;
    const { core } = stack;
    const began = threadProcessorNs();
    stack.flushReturned();
    const turned = core.turn((performance.now() * 1000) >>> 0);
    if ((turned & Turned.events) !== 0) while (stack.takeNews() > 0);
    for (let length = core.udpReceive(this.#socket); length >= 0; length = core.udpReceive(this.#socket)) {
      const at = stack.pieceAddress;
      if (stack.answerDatagram(this.#socket, length) !== 0) stack.giveBack(at);
    }
    const worked = threadProcessorNs();
    this.#link.worked((turned & Turned.kick) !== 0);
    spent.core += worked - began - this.#clockNs;
    spent.send += threadProcessorNs() - worked - this.#clockNs;
  }

  #answerByKernel(most: number): number {
    let answered = 0;
    for (; answered < most; answered++) {
      const length = receive(this.#kernel, this.#memory.address, this.#memory.bytes.length);
      if (length < 0) break;
      send(this.#kernel, this.#memory.address, length, 0);
    }
    return answered;
  }

  /** A batch; undefined where the kernel did not do its part at once, but in a thread of its own, whose time is not in ours. */
  #echo(payload: number, batch: number): number | undefined {
    const spent = { receive: -this.#sendToNobody(payload, batch), core: 0, send: 0 };
    spent.receive += this.#send(this.#toStack, payload, batch);
    this.#turn(spent);
    this.#turn(spent);
    const echoed = this.#drain(this.#toStack);
    if (echoed < batch) {
      const more = (): number => {
        this.#turn(spent);
        return this.#drain(this.#toStack);
      };
      return this.#await(batch - echoed, more);
    }
    for (const part of ['receive', 'core', 'send'] as const) this.#sums[part] += spent[part];
    return spent.receive + spent.core + spent.send;
  }

  #echoByKernel(payload: number, batch: number): number | undefined {
    const alone = this.#sendToNobody(payload, batch);
    const sent = this.#send(this.#toKernel, payload, batch);
    const before = threadProcessorNs();
    this.#answerByKernel(batch);
    const spent = threadProcessorNs() - before - this.#clockNs;
    const echoed = this.#drain(this.#toKernel);
    if (echoed === batch) return sent - alone + spent;
    const more = (): number => {
      this.#answerByKernel(batch);
      return this.#drain(this.#toKernel);
    };
    return this.#await(batch - echoed, more);
  }

  #await(missing: number, more: () => number): undefined {
    const until = performance.now() + patienceMs;
    for (let left = missing; left > 0; left -= more())
      if (performance.now() > until)
        throw coded('CLEARWAY_CALIBRATE', new Error(`${left} datagrams of the calibration did not come back`));
  }

  /** Processor nanoseconds a packet of what a point names. @throws Error where packets do not come back */
  measure(point: BypassPoint): number {
    if (!this.#isWarm) for (const part of ['whole', 'socket'] as const) this.#repeat({ ...point, part }, warmMs);
    this.#isWarm = true;
    this.#clockNs = clockNs();
    return this.#repeat(point, forMs);
  }

  #repeat({ part, frame, batch }: BypassPoint, forMs: number): number {
    const payload = frame - aroundPayload;
    const sums = this.#sums;
    sums.receive = sums.core = sums.send = 0;
    const until = threadProcessorNs() + forMs * 1e6;
    const patient = performance.now() + patienceMs;
    let [spent, packets] = [0, 0];
    while (packets === 0 || threadProcessorNs() < until) {
      const one = part === 'socket' ? this.#echoByKernel(payload, batch) : this.#echo(payload, batch);
      if (one !== undefined) {
        spent += one;
        packets += batch;
      } else if (performance.now() > patient)
        throw coded('CLEARWAY_CALIBRATE', new Error('datagrams of the calibration come back late'));
    }
    return Math.max(0, part === 'whole' || part === 'socket' ? spent : sums[part]) / packets;
  }

  /** Lets go of it; the namespaces and their devices go with what was open in them. */
  close(): void {
    for (const close of this.#onClose.reverse()) close();
    this.#onClose.length = 0;
    this.#memory.unmap();
  }
}
