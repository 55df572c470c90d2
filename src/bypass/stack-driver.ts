// StackDriver: drives a module in which the stack's application is inside, such as the key-value store: one call of it takes packets and answers them. It looks for packets
// for a while after the last ones, then waits in the kernel, by a loop which has whatever else the thread watches. Not here: the module, the link.

import { Owner } from '../core/control.js';
import { Endpoint } from '../transport/endpoint.js';
import type { Loop } from '../transport/loop.js';
import type { StackLink } from './bypass-engine.js';
import type { StackBaseExports } from './stack-exports.js';

/** What a turn of such a module answers: bits. */
const Turned = { kick: 1, more: 2, served: 4, asked: 8 } as const;
/** A deadline of the module's when it has none. */
const never = 0xffff_ffff;
/** The loop is looked at so often while packets come. */
const lookUs = 2000;

/** How it is driven. */
export interface StackDriverOptions {
  /** Microseconds that are looked for packets after the last ones, before the kernel is waited in. */
  readonly pollUs: number;
  /** Hears that something was asked for that is done outside of the module. */
  readonly asked: () => void;
  /** Microseconds of a monotonic clock; a test gives its own. */
  readonly clockUs?: () => number;
}

/** See the file's head. Its loop ends before its link. */
export class StackDriver extends Endpoint {
  readonly #loop: Loop;
  readonly #core: StackBaseExports;
  readonly #link: StackLink;
  readonly #pollUs: number;
  readonly #asked: () => void;
  readonly #clockUs: () => number;
  /** Until when packets are looked for. */
  #pollEndUs = 0;

  constructor(loop: Loop, core: StackBaseExports, link: StackLink, options: StackDriverOptions) {
    super();
    this.#loop = loop;
    this.#core = core;
    this.#link = link;
    this.#pollUs = options.pollUs;
    this.#asked = options.asked;
    this.#clockUs = options.clockUs ?? (() => performance.now() * 1000);
    loop.register(this);
    loop.engine.watch(this.token, link.descriptor);
  }

  /** Packets came: the step that waited for them sees to them. */
  override readable(_result: number, more: boolean): void {
    if (!more) this.#loop.engine.watch(this.token, this.#link.descriptor);
  }

  /** Takes and sends packets, at a time. Returns what the module says. */
  #turn(nowUs: number): number {
    const turned = this.#core.turn(nowUs >>> 0);
    this.#link.worked((turned & Turned.kick) !== 0);
    if ((turned & Turned.asked) !== 0) this.#asked();
    return turned;
  }

  /** One step of the loop, for {@link Loop.run}. @param waitMs that the kernel may be waited in; -1: without end */
  step(waitMs: number): void {
    let nowUs = this.#clockUs();
    const lookAtUs = nowUs + lookUs;
    for (;;) {
      const turned = this.#turn(nowUs);
      nowUs = this.#clockUs();
      if ((turned & (Turned.more | Turned.served | Turned.asked)) !== 0) this.#pollEndUs = nowUs + this.#pollUs;
      else if (nowUs >= this.#pollEndUs) break;
      if (nowUs < lookAtUs) continue;
      this.#loop.turn(0);
      return;
    }
    this.#loop.turn(this.#waitFor(waitMs));
  }

  /** How long the kernel may be waited in. */
  #waitFor(waitMs: number): number {
    const deadlineUs = this.#core.nextDeadlineUs() >>> 0;
    if (deadlineUs === never) return waitMs;
    const deadlineMs = Math.ceil(deadlineUs / 1000);
    return waitMs < 0 ? deadlineMs : Math.min(waitMs, deadlineMs);
  }

  /** Whether all packets are sent and acknowledged, ends of connections too. */
  get isQuiet(): boolean {
    if (this.#core.endsUnheard() > 0) return false;
    return [Owner.stack, Owner.transmit, Owner.waiting].every((owner) => this.#core.framesOwnedBy(owner) === 0);
  }
}
