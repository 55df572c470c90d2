// The entry of the thread that a store is served in. Not here: what it does (kv-service.ts, ../vhost/run-devices.ts).

import { workerData } from 'node:worker_threads';
import { type DevicesBoot, runDevices } from '../vhost/run-devices.js';
import { KvService, type KvStart } from './kv-service.js';

runDevices(workerData as DevicesBoot<KvStart>, (loop, options, say, end) => new KvService(loop, options, say, end));
