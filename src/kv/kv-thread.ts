// The entry of the thread that a store is served in. Not here: what it does (kv-service.ts, ../vhost/run-devices.ts).

import { workerData } from 'node:worker_threads';
import { copiedBytes } from '../memory/copy.js';
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
  const { KvBypassService } = await import('./bypass-service.js');
  let service: { readonly queue: { close(): void } } | undefined;
  try {
    runDevices(boot, (loop, options, say, end) => {
      const made = new KvBypassService(loop, options.store, bypass, copiedBytes, say, end);
      service = made;
      return made;
    });
  } finally {
    service?.queue.close();
  }
}

void start();
