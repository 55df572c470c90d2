// The browser of the tests: where Chromium is, and why a test that needs it is skipped. Not here: what is opened in it.

import { existsSync } from 'node:fs';

/** Where Chromium is; undefined where there is none. */
export const chromiumPath: string | undefined = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== undefined && existsSync(path));

/** What `skip` of a test takes: why there is no browser, false where there is one. */
export const chromiumSkip: string | false =
  chromiumPath === undefined ? 'no Chromium here: apt-get install chromium, or set CHROMIUM to its path' : false;

/**
 * What it is started with. Nothing is drawn for anybody: it draws by the processor whatever it is told, and needs no process of its own
 * for that.
 */
export const chromiumArguments: readonly string[] = [
  ...['--no-sandbox', '--disable-gpu', '--in-process-gpu'],
  // Films play as soon as a test asks for it.
  '--autoplay-policy=no-user-gesture-required',
];
