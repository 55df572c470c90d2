// The entry of the thread that a store is served in. Not here: what it does (kv-service.ts, ../vhost/run-devices.ts).

import { workerData } from 'node:worker_threads';
import { copiedBytes } from '../memory/copy.js';
import { coded } from '../text/coded.js';
import { type DevicesBoot, runDevices } from '../vhost/run-devices.js';
import { KvService, type KvStart } from './kv-service.js';

async function start(): Promise<void> {
  const boot = workerData as DevicesBoot<KvStart>;
  const { bypass } = boot.options;
  if (bypass === undefined) {
    runDevices(boot, (loop, options, say, end) => new KvService(loop, options, say, end));
    return;
  }
  // The stack is loaded only where it is wanted.
  const [{ KvBypassService }, { Caretaker }, { sharedNotes }] = await Promise.all([
    import('./bypass-service.js'),
    import('../bypass/caretaker.js'),
    import('../bypass/bypass-plan.js'),
  ]);
  let service: { readonly queue: { close(): void } } | undefined;
  let lost: string | undefined;
  try {
    runDevices(boot, (loop, options, say, end) => {
      const made = new KvBypassService(loop, options.store, bypass, copiedBytes, say, end);
      service = made;
      for (const note of sharedNotes(bypass.plan)) say(note);
      const gone = (sentence: string): void => {
        lost = sentence;
        end();
      };
      new Caretaker(loop, made.queue.kv.stack, bypass.plan, { warn: say, gone });
      return made;
    });
  } finally {
    service?.queue.close();
  }
  // Its keys are saved by now; whoever started it is to know that it did not end as it was asked to.
  if (lost !== undefined) throw coded('CLEARWAY_KV', new Error(lost));
}

void start();
