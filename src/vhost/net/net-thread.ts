// The entry of the thread that network devices run in. Not here: what it does (nets.ts, ../run-devices.ts).

import { workerData } from 'node:worker_threads';
import { type DevicesBoot, runDevices } from '../run-devices.js';
import { Nets, type NetsOptions } from './nets.js';

runDevices(workerData as DevicesBoot<NetsOptions>, (loop, options, say, end) => new Nets(loop, options, say, end));
