// `clearway meter --open`: the dashboard as a sink of readings, and the browser opened on it where there is one.

import { spawn } from 'node:child_process';
import { Dashboard } from '../dashboard/dashboard.js';
import type { Address } from './meter-options.js';
import type { Sink, Taken } from './meter-sinks.js';

/** A sink that shows readings as they come; close it at the end. */
export interface DashboardSink extends Sink {
  close(): Promise<void>;
}

/** Opens the dashboard, says where it is, and asks the desktop to show it. @throws Error where the address is taken. */
export async function openDashboardSink(address: Address, subject: string): Promise<DashboardSink> {
  const dashboard = await Dashboard.open({ ...address, subject });
  process.stderr.write(`clearway meter: dashboard at ${dashboard.url}\n`);
  openBrowser(dashboard.url);
  let lastMs = 0;
  const take = (taken: Taken) => {
    // A replay shows its last reading while it stays open, and is then given it again as the last one.
    if (taken.timeMs !== lastMs) dashboard.push(taken);
    lastMs = taken.timeMs;
  };
  return {
    take,
    end: take,
    close: () => dashboard.close(),
  };
}

/** Where there is a desktop. That there is no browser is no failure: the address has been said. */
function openBrowser(url: string): void {
  const { DISPLAY, WAYLAND_DISPLAY } = process.env;
  if (DISPLAY === undefined && WAYLAND_DISPLAY === undefined) return;
  const child = spawn('xdg-open', [url], { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}
