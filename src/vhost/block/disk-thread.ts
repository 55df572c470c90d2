// The entry of the thread that disks run in. Not here: what it does (disks.ts, ../run-devices.ts).

import { workerData } from 'node:worker_threads';
import { type DevicesBoot, runDevices } from '../run-devices.js';
import { Disks, type DisksOptions } from './disks.js';

runDevices(workerData as DevicesBoot<DisksOptions>, (loop, options, say, end) => new Disks(loop, options, say, end));
