// Our player as the program of its own that it is measured as, beside others: plays a file to an ALSA name until it is ended. It asks for real-time rights, which it has or not. Usage: our-player.js FILE DEVICE PERIOD-FRAMES GARBAGE(0|1).
// Not here: who starts it (players.ts).

import { Player } from '../../src/audio/index.js';

const [file = '', device = '', periodFrames = '', garbage = ''] = process.argv.slice(2);
// A ring as long as the default one is asked for as the default is: in milliseconds.
const ringMs = (Number(periodFrames) * 4) / 48;
const player = new Player({
  files: [file],
  device,
  ...(ringMs >= 100 ? { bufferMs: ringMs } : { periodFrames: Number(periodFrames) }),
  inject: { gc: garbage === '1' },
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void player.stop());
player.start();
const { failure } = await player.ended;
if (failure !== undefined) {
  process.stderr.write(`${failure.message}\n`);
  process.exitCode = 1;
}
