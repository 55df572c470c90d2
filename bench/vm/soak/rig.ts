// A guest that is asked over the rings of its device: in turns on one thread, as `clearway kv --vm` runs it, or in a thread of its own that looks for work without rest, beside this one.
// Streams of bytes go in and come out; what they mean is the caller's.

import { readFileSync } from 'node:fs';
import { Kicker } from '../../../src/kvm/kick.js';
import type { Pieces } from '../../../src/memory/domain.js';
import { MmioTransport } from '../../../src/virtio/mmio.js';
import { Guest } from '../../../src/vmm/guest.js';
import { readImage } from '../../../src/vmm/image-file.js';
import { type StreamOwner, VsockDevice } from '../../../src/vmm/vsock-device.js';
import { openRing } from '../ring-guest.js';

/** The port that the store has its streams at. */
const storePort = 6379;
const firstPort = 2000;
/** How long to wait for one answer: on a machine that others use, a thread may have to wait for its turn. */
const mostSilentMs = 30_000;
const mostReplyBytes = 16 * 1024 ** 2;

/** How a guest runs. */
export type Door = 'turns' | 'threads';

/** One stream: what is not sent yet, and what came back. */
class Stream {
  unsent: Uint8Array = new Uint8Array(0);
  readonly replies = Buffer.alloc(mostReplyBytes);
  length = 0;
}

/** See the file's head. */
export class Rig implements StreamOwner {
  readonly #streams: readonly Stream[];
  #open = 0;
  #isClosing = false;
  #device!: VsockDevice;
  /** The guest's memory: our address of it, and its bytes. */
  #address = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #run: () => void = () => {};
  #close: () => Promise<void> = async () => {};

  private constructor(streams: number) {
    this.#streams = Array.from({ length: streams }, () => new Stream());
  }

  /** Begins a guest. @param image its file. @throws Error where it does not begin */
  static async open(image: string, door: Door, commandLine: string, streams: number): Promise<Rig> {
    const rig = new Rig(streams);
    const memoryBytes = 96 * 1024 ** 2;
    if (door === 'threads') {
      const ring = await openRing({ image, commandLine, memoryBytes }, rig);
      rig.#device = ring.device;
      rig.#address = ring.address;
      rig.#bytes = ring.bytes;
      rig.#close = () => ring.close();
    } else rig.#beginInTurns(image, commandLine, memoryBytes);
    for (let index = 0; index < streams; index++) rig.#device.open(firstPort + index, storePort);
    rig.#until(() => rig.#open === streams);
    return rig;
  }

  #beginInTurns(image: string, commandLine: string, memoryBytes: number): void {
    const kicker = new Kicker();
    const options = { memoryBytes, commandLine, devices: 1 };
    const guest = new Guest(readImage(readFileSync(image)), options, kicker.shared, () => {});
    this.#device = new VsockDevice(guest.domain, 3, this, () => {});
    guest.add(new MmioTransport(this.#device, guest.domain));
    this.#address = guest.machine.memory.address;
    this.#bytes = guest.machine.memory.bytes;
    this.#run = () => {
      if (guest.run() === 'over') throw new Error(`the guest is over: ${guest.end?.why}`);
    };
    this.#close = async () => {
      guest.close();
      kicker.close();
    };
    this.#run();
  }

  accepted(): void {
    this.#open++;
  }

  refused(port: number): void {
    if (!this.#isClosing) throw new Error(`the store refused stream ${port}`);
  }

  over(port: number): void {
    if (!this.#isClosing) throw new Error(`the store ended stream ${port}`);
  }

  lent(port: number, pieces: Pieces, token: number): boolean {
    const stream = this.#streams[port - firstPort]!;
    for (let index = 0; index < pieces.count; index++) {
      const at = pieces.addresses[index]! - this.#address;
      const bytes = this.#bytes.subarray(at, at + pieces.lengths[index]!);
      if (stream.length + bytes.length > mostReplyBytes) throw new Error('the store says more than was asked');
      stream.replies.set(bytes, stream.length);
      stream.length += bytes.length;
    }
    this.#device.giveBack(token);
    return true;
  }

  tookBytes(): number {
    return 0;
  }

  writable(port: number): void {
    const stream = this.#streams[port - firstPort]!;
    const taken = this.#device.send(port, stream.unsent, 0, stream.unsent.length);
    stream.unsent = stream.unsent.subarray(taken);
  }

  /** Turns of both, until it is so. @throws Error where nothing happens for long */
  #until(isSo: () => boolean): void {
    const beganMs = performance.now();
    for (let turns = 1; !isSo(); turns++) {
      this.#device.publish();
      this.#run();
      this.#device.turn();
      if (turns % 10_000 === 0 && performance.now() - beganMs > mostSilentMs) throw new Error('the guest is silent');
    }
    this.#device.publish();
  }

  /** Asks all streams at once. @returns what each said, as letters of one byte each. @throws Error where one does not end with its mark */
  ask(requests: readonly string[], marks: readonly string[]): string[] {
    for (const [index, request] of requests.entries()) {
      const stream = this.#streams[index]!;
      stream.length = 0;
      stream.unsent = Buffer.from(request, 'latin1');
      this.writable(firstPort + index);
    }
    const ends = marks.map((mark) => Buffer.from(mark, 'latin1'));
    this.#until(() => ends.every((end, index) => this.#endsWith(this.#streams[index]!, end)));
    return this.#streams.map(({ replies, length }) => replies.toString('latin1', 0, length));
  }

  #endsWith({ replies, length }: Stream, end: Buffer): boolean {
    return length >= end.length && replies.compare(end, 0, end.length, length - end.length, length) === 0;
  }

  /** Ends it. */
  close(): Promise<void> {
    this.#isClosing = true;
    return this.#close();
  }
}
