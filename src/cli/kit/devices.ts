// Devices for virtual machines, as a command offers them: the thread that they run in, what is printed when they are there, a clean end on signals.
// Not here: options (each command's own), the thread (vhost/device-thread.ts).

import type { EngineChoice } from '../../transport/open-engine.js';
import type { Ready } from '../../vhost/device-thread.js';
import { shortageSentence } from './shortage.js';
import { onSignals, statusOfSignal } from './signals.js';

/**
 * Offers devices until a signal ends them. @param entry of their thread. @param options of theirs. @param announce what is printed once they
 * are offered. @returns the exit status
 */
export async function offerDevices<Offered>(
  command: string,
  entry: URL,
  engine: EngineChoice,
  options: unknown,
  announce: (ready: Ready<Offered>) => string,
): Promise<number> {
  const { DeviceThread } = await import('../../vhost/device-thread.js');
  const complain = (sentence: string): void => void process.stderr.write(`clearway ${command}: ${sentence}\n`);
  try {
    const thread = new DeviceThread<Offered, unknown>(entry, engine, options, complain);
    let status = 1;
    onSignals(['SIGTERM', 'SIGINT', 'SIGHUP'], (signal) => {
      status = statusOfSignal(signal);
      thread.stop();
    });
    process.stdout.write(announce(await thread.ready));
    await thread.ended;
    return status;
  } catch (error) {
    complain(shortageSentence(error) ?? (error as Error).message);
    return 1;
  }
}
