// `clearway` as the tests start it: `npm test` names the bundle, which is what is installed and starts in half the time; a test
// file that is run by hand starts the modules, which the compiler has just written. Not here: the bundle itself
// (tools/bundle.whole.test.ts).

import { fileURLToPath, pathToFileURL } from 'node:url';

/** The path of the executable. */
export const program: string =
  process.env['CLEARWAY_TEST_PROGRAM'] ?? fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/**
 * What the serving threads of a server in the test's own process run: that of the bundle, which begins in a third of the time.
 * Undefined where modules are tested: the server's own.
 */
export const workerEntry: URL | undefined =
  process.env['CLEARWAY_TEST_PROGRAM'] === undefined ? undefined : new URL('worker-main.js', pathToFileURL(program));
