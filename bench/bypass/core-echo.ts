// What an echo of UDP costs in the core alone: datagrams out of a ring as AF_XDP's, through Ethernet, IPv4 and UDP to the application, which sends each back in its own frame.
// Packets are put into frames, and taken from them, outside of what is timed.

import { Place } from '../../src/core/control.js';
import { ethernet, IPV4, ipv4, pattern, udp } from '../../test/core/packets.js';
import { Host } from '../../test/core/stack-host.js';

const us = '10.0.0.1';
const peer = '10.0.0.2';
const ourMac = '02:00:00:00:00:01';
const peerMac = '02:00:00:00:00:02';
const port = 7;

/** See the file's head. */
export class EchoLoad {
  readonly #host: Host;
  readonly #packet: Uint8Array;
  readonly #socket: number;
  #nowUs = 1_000_000;

  /** @param frameBytes of each Ethernet frame. @param module of the core */
  constructor(frameBytes: number, module = 'stack') {
    this.#host = new Host({ module, ipv4: `${us}/24`, pages: 512, settings: { frameCount: 8192, trustPartial: 0 } });
    this.#socket = this.#host.core.udpOpen(this.#host.addressAt('::'), port);
    const payload = pattern(frameBytes - 42);
    this.#packet = ethernet(
      ourMac,
      peerMac,
      IPV4,
      ipv4(peer, us, { protocol: 17 }, udp(peer, us, [5000, port], payload)),
    );
    this.#meet();
  }

  /** The first datagram has the stack ask for its sender's link address. */
  #meet(): void {
    const [from, of] = [peer, us].map((host) => host.split('.').map(Number)) as [number[], number[]];
    const reply = Uint8Array.of(0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 2, ...from, 2, 0, 0, 0, 0, 1, ...of);
    this.#host.deliver(this.#packet);
    for (const packet of [this.#packet, ethernet(ourMac, peerMac, 0x0806, reply)]) {
      this.#answer();
      this.#host.takeSent();
      this.#host.deliver(packet);
    }
    this.#answer();
    this.#host.takeSent();
  }

  #answer(): number {
    const { core } = this.#host;
    core.turn(this.#nowUs++);
    const sender = this.#host.control + Place.senderAddress;
    let answered = 0;
    for (let length = core.udpReceive(this.#socket); length >= 0; length = core.udpReceive(this.#socket)) {
      const at = this.#host.place('pieceAddress');
      if (core.udpSend(this.#socket, at, length, sender, this.#host.place('senderPort')) === 0) answered++;
      else core.recycle(at);
    }
    return answered;
  }

  /** @returns nanoseconds of CPU a datagram */
  run(datagrams: number): number {
    const host = this.#host;
    for (let index = 0; index < datagrams; index++)
      if (!host.deliver(this.#packet)) throw new Error('no frame for a datagram');
    const before = process.cpuUsage();
    let answered = 0;
    for (let turns = 0; answered < datagrams; turns++) {
      if (turns > datagrams) throw new Error(`${datagrams - answered} of ${datagrams} datagrams were not answered`);
      answered += this.#answer();
    }
    const { user, system } = process.cpuUsage(before);
    host.core.turn(this.#nowUs++);
    while (host.core.nextEvent() !== 0n) {}
    if (host.takeSent().length !== datagrams) throw new Error('not every datagram was sent back');
    host.core.turn(this.#nowUs++);
    return ((user + system) * 1000) / datagrams;
  }
}
