// What the commands that offer devices to virtual machines share (disk, net): the thread that the devices run in, what they say, metrics, a live
// screen, a clean end on signals. Not here: their options, the devices.

import type { EngineChoice } from '../../transport/open-engine.js';
import { DeviceThread } from '../../vhost/device-thread.js';
import { shortageSentence } from './shortage.js';
import { hasTerminal, onSignals, statusOfSignal } from './signals.js';

/** A command that offers devices. `Offered` and `Counts` are what its devices say of themselves. */
export interface DeviceCommand<Offered, Counts> {
  /** Its name, before what it says. */
  readonly name: string;
  /** What the thread runs: a file that calls `runDevices`, with these options. */
  readonly entry: URL;
  readonly engine: EngineChoice;
  readonly options: unknown;
  /** Where metrics are served, if they are. */
  readonly metrics: { readonly host: string; readonly port: number } | undefined;
  /** Whether a screen is drawn each second, where there is a terminal. */
  readonly live: boolean;
  /** SIGHUP tells the devices that something beneath them has changed, where there is no terminal that could have gone. Default false. */
  readonly hangUpChanges?: boolean;
  /** What is said when the devices are offered. */
  announce(offered: Offered, engine: string): string;
  /** The metrics, as Prometheus text. */
  metricsText(counts: Counts, engine: string): string;
  /** One screen: what happened in the last `seconds`. */
  screen(now: Counts, before: Counts | undefined, seconds: number): string;
}

const screenMs = 1000;

/** Draws a screen each second. @returns what ends that */
function drawScreens<Offered, Counts>(
  thread: DeviceThread<Offered, Counts>,
  { screen }: Pick<DeviceCommand<Offered, Counts>, 'screen'>,
): () => void {
  let before: Counts | undefined;
  let beforeMs = performance.now();
  const draw = async (): Promise<void> => {
    const now = await thread.counts();
    if (now === undefined) return;
    const nowMs = performance.now();
    process.stdout.write(`\x1b[H\x1b[J${screen(now, before, (nowMs - beforeMs) / 1000)}`);
    before = now;
    beforeMs = nowMs;
  };
  const timer = setInterval(() => void draw(), screenMs);
  return () => clearInterval(timer);
}

/** Serves metrics, where they are wanted: what that takes is loaded only then. @throws Error where the address is taken */
async function openMetrics<Offered, Counts>(
  { metrics, metricsText }: DeviceCommand<Offered, Counts>,
  thread: DeviceThread<Offered, Counts>,
  engine: string,
) {
  if (metrics === undefined) return undefined;
  const { MetricsEndpoint } = await import('../../serve/metrics-endpoint.js');
  return MetricsEndpoint.open(metrics, async () => {
    const counts = await thread.counts();
    return counts === undefined ? '' : metricsText(counts, engine);
  });
}

async function offer<Offered, Counts>(
  command: DeviceCommand<Offered, Counts>,
  thread: DeviceThread<Offered, Counts>,
): Promise<void> {
  const { engine, offered } = await thread.ready;
  const endpoint = await openMetrics(command, thread, engine);
  process.stdout.write(command.announce(offered, engine));
  if (endpoint !== undefined) process.stdout.write(`the metrics are at\n${endpoint.urls.join('\n')}\n`);
  const stopDrawing = command.live && process.stdout.isTTY ? drawScreens(thread, command) : () => {};
  try {
    await thread.ended;
  } finally {
    stopDrawing();
    await endpoint?.close();
  }
}

/** Offers devices until a signal ends it. Returns the exit status. */
export async function offerDevices<Offered, Counts>(command: DeviceCommand<Offered, Counts>): Promise<number> {
  const complain = (sentence: string): void => void process.stderr.write(`clearway ${command.name}: ${sentence}\n`);
  let thread: DeviceThread<Offered, Counts> | undefined;
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
