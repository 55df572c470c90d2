// What the commands share whose work is done by one thread that blocks in the kernel (disk, net, kv): the thread, what it says, metrics, a clean end
// on signals. Not here: their options, the work, what people watch of it (watch-devices.ts, watch-store.ts).

import type { EngineChoice } from '../../transport/open-engine.js';
import { DeviceThread } from '../../vhost/device-thread.js';
import { plainSentence } from './plain-sentence.js';
import { sayWhenTaken } from './say.js';
import { hasTerminal, onSignals, statusOfSignal } from './signals.js';
import type { Watched } from './watch-devices.js';

/** A command that offers something from a thread. `Offered` is what it says of itself, `All` what is counted. */
export interface DeviceCommand<Offered, All> {
  /** Its name, before what it says. */
  readonly name: string;
  /** What the thread runs: a file that calls `runDevices`, with these options. */
  readonly entry: URL;
  readonly engine: EngineChoice;
  readonly options: unknown;
  /** Has the thread look up where it runs a guest. */
  readonly rouse?: () => void;
  /** Where metrics are served, if they are. */
  readonly metrics: { readonly host: string; readonly port: number } | undefined;
  /** SIGHUP tells the devices that something beneath them has changed, where there is no terminal that could have gone. Default false. */
  readonly hangUpChanges?: boolean;
  /** What is said when the devices are offered. */
  announce(offered: Offered, engine: string): string;
  /** The metrics, as Prometheus text. */
  metricsText(counts: All, engine: string): string;
  /** What people watch of it, until that is closed. @param subject what it is, in words */
  watch(thread: Pick<DeviceThread<never, All>, 'counts'>, subject: string): Promise<Watched>;
}

/** Serves metrics, where they are wanted: what that takes is loaded only then. @throws Error where the address is taken */
async function openMetrics<Offered, All>(
  { metrics, metricsText }: DeviceCommand<Offered, All>,
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

async function offer<Offered, All>(
  command: DeviceCommand<Offered, All>,
  thread: DeviceThread<Offered, All>,
): Promise<void> {
  const { engine, offered } = await thread.ready;
  const endpoint = await openMetrics(command, thread, engine);
  let watched: Watched | undefined;
  try {
    watched = await command.watch(thread, `${command.name} (${engine})`);
    sayWhenTaken('stdout', command.announce(offered, engine));
    if (endpoint !== undefined) sayWhenTaken('stdout', `the metrics are at\n${endpoint.urls.join('\n')}\n`);
    if (watched.urls.length > 0) sayWhenTaken('stdout', `the dashboard is at\n${watched.urls.join('\n')}\n`);
    await thread.ended;
  } finally {
    await Promise.all([watched?.close(), endpoint?.close()]);
  }
}

/** Offers devices until a signal ends it. Returns the exit status. */
export async function offerDevices<Offered, All>(command: DeviceCommand<Offered, All>): Promise<number> {
  const complain = (sentence: string): void => sayWhenTaken('stderr', `clearway ${command.name}: ${sentence}\n`);
  let thread: DeviceThread<Offered, All> | undefined;
  let status = 0;
  /** Whether a signal ended it before it was ready: a guest that is taken out of its boot then says that it was stopped. */
  let [isReady, isStopped] = [false, false];
  const hangUpChanges = command.hangUpChanges === true && !hasTerminal();
  try {
    thread = new DeviceThread(command.entry, command.engine, command.options, complain, command.rouse);
    onSignals(['SIGTERM', 'SIGINT', 'SIGHUP'], (signal) => {
      if (signal === 'SIGHUP' && hangUpChanges) {
        thread!.changed();
        return;
      }
      status = statusOfSignal(signal);
      isStopped = true;
      thread!.stop();
    });
    void thread.ready.then(
      () => (isReady = true),
      () => {},
    );
    await offer(command, thread);
    return status;
  } catch (error) {
    if (isStopped && !isReady) return status;
    complain(plainSentence(error));
    thread?.stop();
    await thread?.ended.catch(() => {});
    return 1;
  }
}
