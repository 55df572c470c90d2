// `clearway play`: plays files and says how it went. Options (play-options.ts), keys (play-keys.ts), the live view (play-live.ts, play-screen.ts), what there is to play to (play-devices.ts),
// one run of a player (play-session.ts). Here: which of them, and the exit status. Not here: playing (src/audio).

import { withoutClock } from '../audio/report/report.js';
import { parseSinkName, SinkNameError } from '../audio/sinks/sink-name.js';
import { platformIsLinux } from '../kernel/ffi.js';
import { shortageSentence } from './kit/shortage.js';
import { dressed, formOf, printable } from './kit/terminal.js';
import { UsageError } from './kit/usage.js';
import { filesMeant, type PlayOptions, playHelp, playOptions, playStatus } from './play-options.js';

async function printDevices({ json }: PlayOptions): Promise<number> {
  const { devicesText, findDevices } = await import('./play-devices.js');
  const found = findDevices();
  process.stdout.write(
    json ? `${JSON.stringify(found, null, 2)}\n` : devicesText(found, formOf(process.stdout).columns),
  );
  return playStatus.played;
}

async function printCheck({ json }: PlayOptions): Promise<number> {
  const { checkRealtime } = await import('../audio/realtime-check.js');
  const { findingLines } = await import('./doctor-table.js');
  const { listDecoders } = await import('../audio/sources/decoders.js');
  const findings = checkRealtime();
  const decoders = await listDecoders();
  if (json) process.stdout.write(`${JSON.stringify({ schema: 1, findings, decoders }, null, 2)}\n`);
  else {
    const lines = decoders.map(({ formats, decoder, words }) => {
      const who = [decoder ?? 'nobody decodes it', ...(words === '' ? [] : [words])].join('; ');
      return `  ${formats}: ${who}`;
    });
    process.stdout.write(`${findingLines(findings, formOf(process.stdout))}\nFormats of files\n${lines.join('\n')}\n`);
  }
  return playStatus.played;
}

/** The devices to try: the one that was named, or what there is. @throws UsageError for a name that means nothing, or whose device cannot be what is asked of it */
async function devicesOf({ device, failOnLateMs }: PlayOptions): Promise<readonly string[]> {
  if (device === undefined) return (await import('./play-devices.js')).devicesToTry();
  try {
    const sink = parseSinkName(device);
    const hasClock = sink.kind !== 'file' && !(sink.kind === 'null' && !sink.isPaced);
    if (failOnLateMs !== undefined && !hasClock) throw new UsageError(withoutClock(device));
  } catch (error) {
    throw error instanceof SinkNameError ? new UsageError(error.message) : error;
  }
  return [device];
}

const complain = (sentence: string): void => void process.stderr.write(`clearway play: ${printable(sentence)}\n`);

/** By its code: files of the bundle each have a class of their own. */
const isUsageError = (error: unknown): error is Error =>
  error instanceof Error && (error as Error & { code?: unknown }).code === 'CLEARWAY_USAGE';

async function play(options: PlayOptions): Promise<number> {
  const files = filesMeant(options.files);
  const devices = await devicesOf(options);
  if (devices.length === 0) {
    complain(
      "there is nothing to play to: no sound card that is free, no JACK server, no default of ALSA's; see clearway play --devices, or name one: --device null is a dry run, --device file:out.wav writes a file",
    );
    return playStatus.device;
  }
  const { checkReportPath, PlaySession } = await import('./play-session.js');
  for (const path of [options.report?.path, options.html]) if (path !== undefined) checkReportPath(path, files);
  for (const [index, device] of devices.entries()) {
    const session = new PlaySession(options, files, device, index < devices.length - 1);
    const status = await session.run();
    // Of devices that nobody named the next one is tried, as long as nothing was heard.
    if (status !== undefined) return status;
  }
  return playStatus.device;
}

async function act(options: PlayOptions): Promise<number> {
  if (options.action === 'devices') return printDevices(options);
  if (options.action === 'check') return printCheck(options);
  return play(options);
}

/** The command. Returns the exit status; of this command a wrong use is 1, since 2 is the device's. */
export async function run(args: string[]): Promise<number> {
  try {
    const options = playOptions(args);
    if (options.action === 'help') {
      process.stdout.write(dressed(playHelp, process.stdout));
      return playStatus.played;
    }
    if (!platformIsLinux) {
      complain('playing needs Linux on x64 or arm64: run it on a Linux host');
      return playStatus.device;
    }
    return await act(options);
  } catch (error) {
    const shortage = shortageSentence(error);
    if (!isUsageError(error) && shortage === undefined) throw error;
    complain(shortage ?? (error as Error).message);
    return playStatus.usage;
  }
}
