// What the commands that offer devices to virtual machines share (disk, net): the thread that the devices run in, what they say, metrics, a
// clean end on signals. Not here: their options, the devices, what people watch of them (watch-devices.ts).

import type { EngineChoice } from '../../transport/open-engine.js';
import type { DeviceKind } from '../../vhost/device-figures.js';
import { DeviceThread } from '../../vhost/device-thread.js';
import type { DevicesCounts, QueueCounts } from '../../vhost/queue-counts.js';
import { shortageSentence } from './shortage.js';
import { hasTerminal, onSignals, statusOfSignal } from './signals.js';
import { type Watched, type WatchOptions, watchDevices } from './watch-devices.js';

/** A command that offers devices. `Offered` is what its devices say of themselves, `Counts` what is counted of each, `All` of all of them. */
export interface DeviceCommand<Offered, Counts extends QueueCounts, All extends DevicesCounts<Counts>>
  extends WatchOptions {
  /** Its name, before what it says. */
  readonly name: string;
  /** What the thread runs: a file that calls `runDevices`, with these options. */
  readonly entry: URL;
  readonly engine: EngineChoice;
  readonly options: unknown;
  /** Where metrics are served, if they are. */
  readonly metrics: { readonly host: string; readonly port: number } | undefined;
  /** SIGHUP tells the devices that something beneath them has changed, where there is no terminal that could have gone. Default false. */
  readonly hangUpChanges?: boolean;
  /** What is said when the devices are offered. */
  announce(offered: Offered, engine: string): string;
  /** The metrics, as Prometheus text. */
  metricsText(counts: All, engine: string): string;
  /** What people watch of them. */
  readonly kind: DeviceKind<Counts, All>;
}

/** Serves metrics, where they are wanted: what that takes is loaded only then. @throws Error where the address is taken */
async function openMetrics<Offered, Counts extends QueueCounts, All extends DevicesCounts<Counts>>(
  { metrics, metricsText }: DeviceCommand<Offered, Counts, All>,
  thread: DeviceThread<Offered, All>,
  engine: string,
) {
  if (metrics === undefined) return undefined;
  const { MetricsEndpoint } = await import('../../serve/metrics-endpoint.js');
  return MetricsEndpoint.open(metrics, async () => {
    const counts = await thread.counts();
    return counts === undefined ? '' : metricsText(counts, engine);
  });
}

async function offer<Offered, Counts extends QueueCounts, All extends DevicesCounts<Counts>>(
  command: DeviceCommand<Offered, Counts, All>,
  thread: DeviceThread<Offered, All>,
): Promise<void> {
  const { engine, offered } = await thread.ready;
  const endpoint = await openMetrics(command, thread, engine);
  let watched: Watched | undefined;
  try {
    watched = await watchDevices(thread, command.kind, command, `${command.name} (${engine})`);
    process.stdout.write(command.announce(offered, engine));
    if (endpoint !== undefined) process.stdout.write(`the metrics are at\n${endpoint.urls.join('\n')}\n`);
    if (watched.urls.length > 0) process.stdout.write(`the dashboard is at\n${watched.urls.join('\n')}\n`);
    await thread.ended;
  } finally {
    await Promise.all([watched?.close(), endpoint?.close()]);
  }
}

/** Offers devices until a signal ends it. Returns the exit status. */
export async function offerDevices<Offered, Counts extends QueueCounts, All extends DevicesCounts<Counts>>(
  command: DeviceCommand<Offered, Counts, All>,
): Promise<number> {
  const complain = (sentence: string): void => void process.stderr.write(`clearway ${command.name}: ${sentence}\n`);
  let thread: DeviceThread<Offered, All> | undefined;
  let status = 0;
  const hangUpChanges = command.hangUpChanges === true && !hasTerminal();
  try {
    thread = new DeviceThread(command.entry, command.engine, command.options, complain);
    onSignals(['SIGTERM', 'SIGINT', 'SIGHUP'], (signal) => {
      if (signal === 'SIGHUP' && hangUpChanges) {
        thread!.changed();
        return;
      }
      status = statusOfSignal(signal);
      thread!.stop();
    });
    await offer(command, thread);
    return status;
  } catch (error) {
    complain(shortageSentence(error) ?? (error as Error).message);
    thread?.stop();
    await thread?.ended.catch(() => {});
    return 1;
  }
}
