// What people watch of a store: one screen, each second, where there is a terminal. Not here: its figures (kv/kv-metrics.ts).

import { type KvCounts, kvScreen } from '../../kv/kv-metrics.js';
import type { DeviceThread } from '../../vhost/device-thread.js';
import { showIfTaken } from './say.js';
import type { Watched } from './watch-devices.js';

const intervalMs = 1000;

/** Draws the screen until it is closed, where it is wanted. */
export function watchStore(thread: Pick<DeviceThread<never, KvCounts>, 'counts'>, live: boolean): Watched {
  let before: KvCounts | undefined;
  let beforeMs = performance.now();
  const draw = async (): Promise<void> => {
    const now = await thread.counts();
    if (now === undefined) return;
    const nowMs = performance.now();
    showIfTaken(`\x1b[H\x1b[J${kvScreen(now, before, (nowMs - beforeMs) / 1000)}`);
    before = now;
    beforeMs = nowMs;
  };
  const timer = live && process.stdout.isTTY ? setInterval(() => void draw(), intervalMs) : undefined;
  return {
    urls: [],
    close: async () => clearInterval(timer),
  };
}
