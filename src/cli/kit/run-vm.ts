// What `clearway vm` and `clearway kv --vm` share: a guest in its thread, what people watch of it, the status it ends with. Not here: their options, the guest (vmm/).

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { Kicker } from '../../kvm/kick.js';
import type { EngineChoice } from '../../transport/open-engine.js';
import type { DeviceThread } from '../../vhost/device-thread.js';
import { type VmCounts, vmMetrics, vmScreen } from '../../vmm/vm-metrics.js';
import type { SocketDoor, VmOffered, VmStart } from '../../vmm/vm-service.js';
import { offerDevices } from './devices.js';
import { UsageError } from './usage.js';
import type { Watched } from './watch-devices.js';

/** A guest that is to run. */
export interface VmCommand {
  /** The command's name, before what it says. */
  readonly name: string;
  readonly image: string;
  readonly memoryBytes: number;
  readonly commandLine: string;
  readonly door: SocketDoor | undefined;
  /** The tap that the guest's card is on. */
  readonly tap: string | undefined;
  readonly engine: EngineChoice;
  readonly metrics: { readonly host: string; readonly port: number } | undefined;
  readonly live: boolean;
  announce(offered: VmOffered, engine: string): string;
}

const intervalMs = 1000;

/** Draws the screen until it is closed, where it is wanted. */
function watchVm(thread: Pick<DeviceThread<never, VmCounts>, 'counts'>, live: boolean): Watched {
  let before: VmCounts | undefined;
  const draw = async (): Promise<void> => {
    const now = await thread.counts();
    if (now === undefined) return;
    process.stdout.write(`\x1b[H\x1b[J${vmScreen(now, before, intervalMs / 1000)}`);
    before = now;
  };
  const timer = live && process.stdout.isTTY ? setInterval(() => void draw(), intervalMs) : undefined;
  return { urls: [], close: async () => clearInterval(timer) };
}

/** How long a boot took, in words. */
export function bootWords({ bootMs, guestMs }: VmOffered): string {
  return `ready ${bootMs.toFixed(1)} ms after /dev/kvm was opened, ${guestMs.toFixed(1)} ms of it in the guest`;
}

/** Runs a guest until it ends or a signal ends it. Returns the exit status. @throws UsageError where there is no image */
export async function runVm(command: VmCommand): Promise<number> {
  const { name, image, memoryBytes, commandLine, door, tap, engine, metrics, live, announce } = command;
  // The same at each start, and another for each tap.
  const mac = createHash('sha256').update(`clearway ${tap}`).digest().subarray(0, 3);
  const net = tap === undefined ? undefined : { tap, mac: Uint8Array.of(0x52, 0x54, 0, ...mac) };
  if (!existsSync(image)) throw new UsageError(`there is no image ${image}`);
  const kicker = new Kicker();
  const status = new SharedArrayBuffer(4);
  Atomics.store(new Int32Array(status, 0, 1), 0, -1);
  const start: VmStart = { image, memoryBytes, commandLine, door, net, shared: kicker.shared, status };
  try {
    const ended = await offerDevices({
      ...{ name, engine, options: start, metrics, announce, metricsText: vmMetrics },
      entry: new URL('../../vmm/vm-thread.js', import.meta.url),
      rouse: () => kicker.kick(),
      watch: async (thread: Pick<DeviceThread<never, VmCounts>, 'counts'>) => watchVm(thread, live),
    });
    const own = Atomics.load(new Int32Array(status, 0, 1), 0);
    return own > 0 ? own : ended;
  } finally {
    kicker.close();
  }
}
