// Caretaker: what may go wrong around a queue of our own TCP/IP while it works, told in sentences: a gateway that does not answer, a device that goes down, comes up or is
// taken away. Not here: what is done then (whoever serves).

import { DeviceWatch } from '../transport/device-watch.js';
import type { Loop } from '../transport/loop.js';
import type { BypassPlan } from './bypass-plan.js';
import type { StackBase } from './stack.js';

/** How long a gateway has to answer: the stack asks three times, a second apart. */
const patienceMs = 3500;

/** Who is told. */
export interface CaretakerTold {
  /** Something to know of; it goes on. */
  warn(sentence: string): void;
  /** The device is no more: nothing will be received or sent again. */
  gone(sentence: string): void;
}

/** See the file's head. Close it before its loop. */
export class Caretaker {
  readonly #watch: DeviceWatch;
  readonly #stopTicks: () => void;

  /** @param loop that drives the stack's engine. @throws SystemError EMFILE */
  constructor(
    loop: Loop,
    stack: Pick<StackBase, 'isWayKnown'>,
    { device, ifindex, gateways }: BypassPlan,
    told: CaretakerTold,
  ) {
    let isUp = true;
    this.#watch = new DeviceWatch(loop, ifindex, {
      isUp: (isUpNow) => {
        if (isUpNow === isUp) return;
        isUp = isUpNow;
        told.warn(
          isUp
            ? `${device} is up again`
            : `${device} is down: nobody is reached until \`ip link set dev ${device} up\``,
        );
      },
      gone: () => told.gone(`the interface ${device} is gone: it was removed, or moved to another namespace`),
    });
    const waiting = new Set(gateways.filter((gateway) => stack.isWayKnown(gateway) !== true));
    const untilMs = loop.nowMs + patienceMs;
    this.#stopTicks = loop.everyTick((nowMs) => {
      for (const gateway of waiting) if (stack.isWayKnown(gateway) === true) waiting.delete(gateway);
      if (waiting.size > 0 && nowMs < untilMs) return;
      this.#stopTicks();
      for (const gateway of waiting)
        told.warn(`the gateway ${gateway} does not answer on ${device}: hosts of other networks are not reached`);
    });
  }

  /** Looks no more. */
  close(): void {
    this.#stopTicks();
    this.#watch.close();
  }
}
