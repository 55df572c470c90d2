// The thread that devices run in: it owns a loop and blocks in the kernel. It says what happens by messages; the main thread tells it to look
// by a message and a wake-up, since a blocked thread hears no messages. Not here: the main thread's hold on it (device-thread.ts), what the
// devices are (block/).

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { Loop } from '../transport/loop.js';
import type { EngineChoice } from '../transport/open-engine.js';

/** What a thread begins with. `Options` are the devices' own. */
export interface DevicesBoot<Options> {
  readonly port: MessagePort;
  /** The main thread's eventfd, by which it has the thread look at its messages. */
  readonly wakeDescriptor: number;
  readonly engine: EngineChoice;
  readonly options: Options;
}

/** What a thread says. `Offered` is what its devices say of themselves at the start, `Counts` what was counted of them. */
export type DevicesSay<Offered, Counts> =
  | { readonly kind: 'ready'; readonly engine: string; readonly offered: Offered }
  | { readonly kind: 'say'; readonly sentence: string }
  | { readonly kind: 'counts'; readonly counts: Counts };

/** What a thread is told: to end, to say its counts, that the operator changed something beneath it. */
export type DevicesTold = 'stop' | 'counts' | 'changed';

/** The devices of a thread. */
export interface Devices<Offered, Counts> {
  readonly offered: Offered;
  /** What was counted, as it can be sent to another thread. */
  counts(): Counts;
  /** The operator changed something beneath them (a file's size). */
  changed(): void;
  /** Ends them. @param done when nothing of them is left */
  close(done: () => void): void;
  /** One step of the loop, where they have turns of their own beside its: as for {@link Loop.run}. */
  step?(waitMs: number): void;
  /** What drives them, where that is not the loop's engine alone. */
  readonly engine?: string;
}

/** Runs devices until the main thread ends them, or they end themselves, by `end`, in a later turn: the whole of a thread. */
export function runDevices<Options, Offered, Counts>(
  { port, wakeDescriptor, engine, options }: DevicesBoot<Options>,
  build: (loop: Loop, options: Options, say: (sentence: string) => void, end: () => void) => Devices<Offered, Counts>,
): void {
  const loop = new Loop(engine, undefined, wakeDescriptor);
  const say = (says: DevicesSay<Offered, Counts>): void => port.postMessage(says);
  try {
    let isEnding = false;
    const end = (): void => {
      if (isEnding) return;
      isEnding = true;
      devices.close(() => loop.stop());
    };
    const devices = build(loop, options, (sentence) => say({ kind: 'say', sentence }), end);
    const hear = (told: DevicesTold): void => {
      if (told === 'counts') say({ kind: 'counts', counts: devices.counts() });
      else if (told === 'stop') end();
      else if (!isEnding) devices.changed();
    };
    loop.onWake = () => {
      for (let told = receiveMessageOnPort(port); told !== undefined; told = receiveMessageOnPort(port)) {
        hear(told.message as DevicesTold);
      }
    };
    say({ kind: 'ready', engine: devices.engine ?? loop.engine.name, offered: devices.offered });
    loop.run(devices.step && ((waitMs) => devices.step!(waitMs)));
  } finally {
    loop.close();
    port.close();
  }
}
