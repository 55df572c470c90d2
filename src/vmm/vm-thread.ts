// The entry of the thread in which a guest runs. Not here: what it does (vm-service.ts, ../vhost/run-devices.ts).

import { workerData } from 'node:worker_threads';
import { type DevicesBoot, runDevices } from '../vhost/run-devices.js';
import { VmService, type VmStart } from './vm-service.js';

runDevices(workerData as DevicesBoot<VmStart>, (loop, start, say, end) => new VmService(loop, start, say, end));
