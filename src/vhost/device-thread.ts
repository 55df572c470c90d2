// The main thread's hold on the thread that devices run in: it begins, says what happens, is told what to do, and ends. Not here: what the
// thread does (run-devices.ts).

import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { createEventDescriptor, signalEvent } from '../kernel/event.js';
import { closeDescriptor } from '../kernel/socket.js';
import { coded } from '../text/coded.js';
import type { EngineChoice } from '../transport/open-engine.js';
import type { DevicesBoot, DevicesSay, DevicesTold } from './run-devices.js';

/** What devices are once they are offered. */
export interface Ready<Offered> {
  /** The engine that they run on. */
  readonly engine: string;
  readonly offered: Offered;
}

/** See the file's head. `Offered` and `Counts` are the devices' own. */
export class DeviceThread<Offered, Counts> {
  /** Settled when the devices are offered; rejected where they cannot be. */
  readonly ready: Promise<Ready<Offered>>;
  /** Settled when the thread has ended. @throws what it threw, if it was ready before */
  readonly ended: Promise<void>;
  readonly #thread: Worker;
  readonly #port: MessagePort;
  readonly #wakeDescriptor: number;
  readonly #say: (sentence: string) => void;
  readonly #rouse: (() => void) | undefined;
  /** Node's exit waits for the thread, which waits in the kernel: it would be for ever. */
  readonly #stopAtExit = (): void => this.stop();
  #isReady = false;
  #isOver = false;
  #wasReady: (ready: Ready<Offered>) => void = () => {};
  /** Who waits for counts. */
  #asking: ((counts: Counts | undefined) => void)[] = [];

  /**
   * Begins at once. @param entry a file that calls `runDevices`. @param say hears sentences for the operator. @param rouse has a thread look up that does not wait for
   * its descriptor, but runs a guest
   * @throws SystemError without a descriptor
   */
  constructor(entry: URL, engine: EngineChoice, options: unknown, say: (sentence: string) => void, rouse?: () => void) {
    this.#say = say;
    this.#rouse = rouse;
    this.#wakeDescriptor = createEventDescriptor();
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const workerData: DevicesBoot<unknown> = { port: port2, wakeDescriptor: this.#wakeDescriptor, engine, options };
    this.#thread = new Worker(entry, { workerData, transferList: [port2] });
    process.once('exit', this.#stopAtExit);
    port1.on('message', (says: DevicesSay<Offered, Counts>) => this.#hear(says));
    let failure: Error | undefined;
    this.#thread.on('error', (error) => {
      failure = error;
    });
    const exited = new Promise<void>((resolve) =>
      this.#thread.once('exit', (status) => {
        // It was ended from outside, in the middle of whatever it did.
        if (status !== 0) failure ??= coded('CLEARWAY_WORKER', new Error(`its thread was lost (status ${status})`));
        resolve();
      }),
    );
    this.ready = new Promise((resolve, reject) => {
      this.#wasReady = resolve;
      void exited.then(() =>
        reject(failure ?? coded('CLEARWAY_WORKER', new Error('the devices ended before they were offered'))),
      );
    });
    this.ready.catch(() => {});
    this.ended = exited.then(() => {
      this.#end();
      if (failure !== undefined && this.#isReady) throw failure;
    });
    this.ended.catch(() => {});
  }

  #hear(says: DevicesSay<Offered, Counts>): void {
    if (says.kind === 'say') this.#say(says.sentence);
    else if (says.kind === 'counts') this.#answer(says.counts);
    else {
      this.#isReady = true;
      this.#wasReady(says);
    }
  }

  #answer(counts: Counts | undefined): void {
    for (const asking of this.#asking.splice(0)) asking(counts);
  }

  #end(): void {
    // Its last words.
    for (let last = receiveMessageOnPort(this.#port); last !== undefined; last = receiveMessageOnPort(this.#port)) {
      this.#hear(last.message as DevicesSay<Offered, Counts>);
    }
    this.#isOver = true;
    process.off('exit', this.#stopAtExit);
    this.#answer(undefined);
    this.#port.close();
    closeDescriptor(this.#wakeDescriptor);
  }

  #tell(told: DevicesTold): void {
    if (this.#isOver) return;
    this.#port.postMessage(told);
    signalEvent(this.#wakeDescriptor);
    this.#rouse?.();
  }

  /** What was counted; undefined when the devices have ended. */
  counts(): Promise<Counts | undefined> {
    if (this.#isOver) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#asking.push(resolve);
      if (this.#asking.length === 1) this.#tell('counts');
    });
  }

  /** The operator changed something beneath the devices. */
  changed(): void {
    this.#tell('changed');
  }

  /** Ends the devices: {@link ended} says when. */
  stop(): void {
    this.#tell('stop');
  }
}
