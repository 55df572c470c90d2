// What people watch of devices, each second: a live screen and a page in the browser. Not here: figures (vhost/device-figures.ts), how they are drawn.

import type { DeviceDashboard } from '../../dashboard/device-dashboard.js';
import { type DeviceKind, type DevicesFigures, figuresOf } from '../../vhost/device-figures.js';
import { deviceScreen } from '../../vhost/device-screen.js';
import type { DeviceThread } from '../../vhost/device-thread.js';
import type { DevicesCounts, QueueCounts } from '../../vhost/queue-counts.js';
import { showIfTaken } from './say.js';

/** What is wanted. */
export interface WatchOptions {
  /** A screen is drawn each second, where there is a terminal. */
  readonly live: boolean;
  /** Where the page is served, if it is. */
  readonly dashboard: { readonly host: string; readonly port: number } | undefined;
}

/** What is watched. */
export interface Watched {
  /** Where the page is. */
  readonly urls: readonly string[];
  close(): Promise<void>;
}

const intervalMs = 1000;
/** Of a terminal that does not say how large it is, or says 0. */
const [usualColumns, usualRows] = [80, 24];

/** The page's code is loaded only where it is wanted. */
async function openPage(
  { dashboard }: WatchOptions,
  { measures }: Pick<DeviceKind<never, never>, 'measures'>,
  subject: string,
): Promise<DeviceDashboard | undefined> {
  if (dashboard === undefined) return undefined;
  const { DeviceDashboard } = await import('../../dashboard/device-dashboard.js');
  return DeviceDashboard.open({ ...dashboard, subject, measures });
}

/** Watches devices until it is closed. @param subject what they are, in words @throws Error where the page's address is taken */
export async function watchDevices<Counts extends QueueCounts, All extends DevicesCounts<Counts>>(
  thread: Pick<DeviceThread<never, All>, 'counts'>,
  kind: DeviceKind<Counts, All>,
  options: WatchOptions,
  subject: string,
): Promise<Watched> {
  const page = await openPage(options, kind, subject);
  const isDrawn = options.live && process.stdout.isTTY;
  const show = (figures: DevicesFigures): void => {
    page?.push(Date.now(), figures);
    if (!isDrawn) return;
    const { columns, rows } = process.stdout;
    const screen = deviceScreen(kind.measures, figures, columns || usualColumns, rows || usualRows);
    showIfTaken(`\x1b[H\x1b[J${screen}`);
  };
  let before: All | undefined;
  let beforeMs = performance.now();
  const look = async (): Promise<void> => {
    const now = await thread.counts();
    if (now === undefined) return;
    const nowMs = performance.now();
    show(figuresOf(kind, now, before, (nowMs - beforeMs) / 1000));
    before = now;
    beforeMs = nowMs;
  };
  if (page !== undefined) await look();
  const timer = page !== undefined || isDrawn ? setInterval(() => void look(), intervalMs) : undefined;
  return {
    urls: page?.urls ?? [],
    close: async () => {
      clearInterval(timer);
      await page?.close();
    },
  };
}
