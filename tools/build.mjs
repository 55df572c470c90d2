// `npm run build`: compiles TypeScript, and the core to WebAssembly, makes the images that boot, and bundles the pages and the command. Each step looks
// first whether anything changed. What needs nothing of another runs beside it. Plain JavaScript because nothing is compiled yet.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs one step to its end; the first that fails ends the build with its status. */
async function step(program, ...args) {
  const child = spawn(process.execPath, [join(root, program), ...args], { cwd: root, stdio: 'inherit' });
  const [status, signal] = await once(child, 'exit');
  if (status === 0) return;
  if (signal !== null) console.error(`${program} was ended by ${signal}`);
  process.exit(status ?? 1);
}

async function bundles(compiled) {
  await compiled;
  await step('tools/build-pages.mjs');
  await step('tools/bundle.mjs');
}

const compiled = step('node_modules/typescript/bin/tsc', '-p', 'tsconfig.json');
// Images may be compiled by what tsc writes (src/compile/).
const images = Promise.all([step('tools/build-core.mjs'), compiled]).then(() => step('tools/build-image.mjs'));
await Promise.all([bundles(compiled), images]);
