// `clearway meter --open`: the dashboard as a sink of readings, and the browser opened on it where there is one.

import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { Dashboard } from '../dashboard/dashboard.js';
import { JourneyTeller } from '../dashboard/journey-teller.js';
import { WhyTeller } from '../dashboard/why-teller.js';
import type { Scope } from '../meter/index.js';
import type { Address } from './meter-options.js';
import type { Sink, Taken } from './meter-sinks.js';

/** A sink that shows readings as they come; close it at the end. */
export interface DashboardSink extends Sink {
  close(): Promise<void>;
}

/**
 * Opens the dashboard, says where it is, and asks the desktop to show it.
 * @param scope what is metered now, for the `why` sentences; a replay has none. @throws Error where the address is taken.
 */
export async function openDashboardSink(address: Address, subject: string, scope?: Scope): Promise<DashboardSink> {
  const dashboard = await Dashboard.open({ ...address, subject });
  // Alone on its line, so that a terminal takes nothing else into the link.
  process.stderr.write(`clearway meter: the dashboard is at\n${dashboard.urls.join('\n')}\n`);
  openBrowser(dashboard.url);
  const teller = scope === undefined ? undefined : openTeller(scope);
  const journeys = scope === undefined ? undefined : new JourneyTeller(scope);
  let lastMs = 0;
  const take = (taken: Taken) => {
    // A replay shows its last reading while it stays open, and is then given it again as the last one.
    const { timeMs, reading } = taken;
    if (timeMs === lastMs) return;
    dashboard.push({
      ...taken,
      why: dashboard.watched ? teller?.tell(timeMs, reading) : undefined,
      journey: journeys?.tell(dashboard.watched),
    });
    lastMs = timeMs;
  };
  return {
    take,
    end: take,
    close: () => {
      teller?.close();
      journeys?.close();
      return dashboard.close();
    },
  };
}

/** What tells why, in the network namespace of what is metered, which is held open until the end. */
function openTeller(scope: Scope): { tell: WhyTeller['tell']; close(): void } {
  const processId = scope.kind === 'process' ? scope.processId : undefined;
  const namespace = openSync(`/proc/${processId ?? 'self'}/ns/net`, 'r');
  const teller = new WhyTeller(`/proc/self/fd/${namespace}`, processId);
  return { tell: (timeMs, reading) => teller.tell(timeMs, reading), close: () => closeSync(namespace) };
}

/** Where there is a desktop. That there is no browser is no failure: the address has been said. */
function openBrowser(url: string): void {
  const { DISPLAY, WAYLAND_DISPLAY } = process.env;
  if (DISPLAY === undefined && WAYLAND_DISPLAY === undefined) return;
  const child = spawn('xdg-open', [url], { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}
