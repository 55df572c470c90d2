// The raw-socket suite once more, with every server on our own TCP/IP: a pair of devices for each, in a network namespace of the suite's own, with the kernel's
// sockets as clients. The files are the suite's own; each says by itself what is expected. What is beneath the sockets is the same on either engine of
// the kernel, which reads files and waits: a file runs on one of them, and the next one on the other. `npm run test:long` runs each on both, and the files
// about which answer is given: `quick-and-general` has one of each kind.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isLong } from '../../support/long.js';
import { bypassRefused } from '../../support/veth-pairs.js';
import { engineRefused, engines } from './servers.js';

/** Not here: what is of kernel sockets by its nature (listening, pacing, proxies in front, workers that share a port, refused calls), and the command itself. */
const files = [
  // The longest first: two run at once.
  ...[
    'limits.whole',
    'quick-and-general',
    'changes',
    'pages',
    'connections.whole',
    'random-changes',
    'framing',
    'ranges',
    'includes',
  ],
];
const ofAnswers = [
  ...[
    'base',
    'clean-urls',
    'codings',
    'conditionals',
    'cross-origin',
    'headers',
    'methods',
    'paths',
    'types',
    'versions.whole',
  ],
];

/** Runs a file of the suite on some engines. Returns its status and what it wrote. */
async function run(
  file: string,
  on: readonly string[],
): Promise<{ readonly status: number | null; readonly text: string }> {
  const path = fileURLToPath(new URL(`./${file}.test.js`, import.meta.url));
  const env = { ...process.env, CLEARWAY_TEST_BYPASS: on.join(), NODE_TEST_CONTEXT: undefined };
  const child = spawn(process.execPath, ['--test-reporter=tap', path], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
  }
  return new Promise((resolve) => {
    child.on('close', (status) => resolve({ status, text }));
  });
}

const skip = bypassRefused();
const usable = engines.filter((engine) => engineRefused(engine) === false);

// Most of a file's time is waiting, for limits and for changes of files: two at once take the time of one.
describe('past the kernel', { skip, concurrency: 2 }, () => {
  for (const [index, file] of [...files, ...(isLong ? ofAnswers : [])].entries()) {
    const chosen = isLong ? usable : [usable[index % usable.length]!];
    test(`${file}, past the kernel, ${chosen.join(' and ')}`, async () => {
      const { status, text } = await run(file, chosen);
      assert.equal(status, 0, text.slice(-20_000));
      assert.match(text, /^# pass [1-9]/m);
    });
  }
});
