// The entry of the thread in which guests run. Not here: what it does (vm-service.ts, ../vhost/run-devices.ts).

import { workerData } from 'node:worker_threads';
import { type DevicesBoot, runDevices } from '../vhost/run-devices.js';
import { VhostUserCard } from './vhost-user-card.js';
import { VmService, type VmStart } from './vm-service.js';

/** While the thread runs its loop, no promise goes on: the back end is asked what it can before. */
async function begin(boot: DevicesBoot<VmStart>): Promise<void> {
  const { link, guests } = boot.options;
  const path = link?.vhostUser;
  const remote = path === undefined ? undefined : await VhostUserCard.connect(path, guests[0]!.mac);
  runDevices(boot, (loop, start, say, end) => new VmService(loop, start, remote, say, end));
}

void begin(workerData as DevicesBoot<VmStart>);
