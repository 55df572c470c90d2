// What `clearway vm` and `clearway kv --vm` share: a guest in its thread, what people watch of it, the status it ends with. Not here: their options, the guest (vmm/).

import { readFileSync, type Stats, statSync } from 'node:fs';
import { Kicker } from '../../kvm/kick.js';
import { fileTrouble } from '../../text/file-trouble.js';
import { formatBytes } from '../../text/units.js';
import type { EngineChoice } from '../../transport/open-engine.js';
import type { DeviceThread } from '../../vhost/device-thread.js';
import { ImageError, readImage } from '../../vmm/image-file.js';
import { type VmCounts, vmMetrics, vmScreen } from '../../vmm/vm-metrics.js';
import type { SocketDoor, VmLink, VmOffered, VmStart } from '../../vmm/vm-service.js';
import { offerDevices } from './devices.js';
import { ownMac } from './own-mac.js';
import { showIfTaken } from './say.js';
import { UsageError } from './usage.js';
import type { Watched } from './watch-devices.js';

/** One guest of a command. */
export interface GuestCommand {
  readonly image: string;
  readonly memoryBytes: number;
  readonly commandLine: string;
}

/** Guests that are to run. */
export interface VmCommand {
  /** The command's name, before what it says. */
  readonly name: string;
  /** The guest, and others beside it. */
  readonly guests: readonly GuestCommand[];
  readonly door: SocketDoor | undefined;
  /** What their cards are joined to. */
  readonly link: VmLink | undefined;
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
    showIfTaken(`\x1b[H\x1b[J${vmScreen(now, before, intervalMs / 1000)}`);
    before = now;
  };
  const timer = live && process.stdout.isTTY ? setInterval(() => void draw(), intervalMs) : undefined;
  return { urls: [], close: async () => clearInterval(timer) };
}

/** How long a boot took, in words. */
export function bootWords({ bootMs, guestMs }: VmOffered): string {
  return `ready ${bootMs.toFixed(1)} ms after /dev/kvm was opened, ${guestMs.toFixed(1)} ms of it in the guest`;
}

/** What a link is, in words. */
export function linkWords({ to }: VmOffered, link: VmLink | undefined): string {
  return link?.vhostUser === undefined ? (to ?? '') : `joined to ${link.vhostUser}`;
}

/** How long a guest may have the thread while others want it. */
const shareMs = 10;

/** A larger file is another thing: an image takes 1 MiB of the machine at most, beside what debuggers want to know of it. */
const mostImageBytes = 64 * 1024 ** 2;

/** Looks at an image before anything is opened for its guest. @throws UsageError that names the file, where it is none */
function checkImage(path: string): void {
  let facts: Stats | undefined;
  try {
    facts = statSync(path, { throwIfNoEntry: false });
    if (facts === undefined)
      throw new UsageError(`there is no image ${path}: name one, such as dist/image/echo.elf of the package`);
    if (!facts.isFile()) throw new ImageError('it is no regular file');
    if (facts.size > mostImageBytes) throw new ImageError(`it has ${formatBytes(facts.size)}`);
    readImage(readFileSync(path));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const why = error instanceof ImageError ? error.message : fileTrouble(error);
    throw new UsageError(`${path} is no image of Clearway's: ${why}`);
  }
}

/** Runs guests until the first of them ends or a signal ends it. Returns the exit status. @throws UsageError where there is no image */
export async function runVm(command: VmCommand): Promise<number> {
  const { name, guests, door, link, engine, metrics, live, announce } = command;
  for (const { image } of guests) checkImage(image);
  const kickers = guests.map(() => new Kicker());
  const status = new SharedArrayBuffer(4);
  Atomics.store(new Int32Array(status, 0, 1), 0, -1);
  const starts = guests.map((guest, index) => {
    // The same at each start, and another for each link and guest.
    const own = `clearway ${link?.tap ?? link?.xdp ?? link?.vhostUser}${index === 0 ? '' : ` ${index}`}`;
    return { ...guest, mac: ownMac(own), shared: kickers[index]!.shared };
  });
  const start: VmStart = { guests: starts, door, link, status };
  const slices = guests.length === 1 ? undefined : setInterval(() => kickers.forEach(interruptIfLong), shareMs);
  try {
    const ended = await offerDevices({
      ...{ name, engine, options: start, metrics, announce, metricsText: vmMetrics },
      entry: new URL('../../vmm/vm-thread.js', import.meta.url),
      rouse: () => {
        for (const kicker of kickers) kicker.kick();
      },
      watch: async (thread: Pick<DeviceThread<never, VmCounts>, 'counts'>) => watchVm(thread, live),
    });
    const own = Atomics.load(new Int32Array(status, 0, 1), 0);
    return own > 0 ? own : ended;
  } finally {
    clearInterval(slices);
    for (const kicker of kickers) kicker.close();
  }
}

function interruptIfLong(kicker: Kicker): void {
  kicker.interruptIfLong();
}
