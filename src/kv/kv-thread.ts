// The entry of the thread that a store is served in. Not here: what it does (kv-service.ts, ../vhost/run-devices.ts).

import { workerData } from 'node:worker_threads';
import { copiedBytes } from '../memory/copy.js';
import { type DevicesBoot, runDevices } from '../vhost/run-devices.js';
import { KvService, type KvStart } from './kv-service.js';

async function start(): Promise<void> {
  const boot = workerData as DevicesBoot<KvStart>;
  const { bypass } = boot.options;
  if (bypass === undefined) {
    runDevices(boot, (loop, options, say, end) => new KvService(loop, options, options.sockets, say, end));
    return;
  }
  // The stack is loaded only where it is wanted.
  const { BypassQueue } = await import('./bypass-queue.js');
  const queue = new BypassQueue(bypass, boot.engine, copiedBytes);
  try {
    runDevices(
      boot,
      (loop, options, say, end) => {
        if (queue.detour !== undefined) say(queue.detour);
        return new KvService(loop, options, queue.sockets, say, end);
      },
      () => queue.engine,
    );
  } finally {
    queue.close();
  }
}

void start();
