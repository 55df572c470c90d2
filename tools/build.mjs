// `npm run build`: compiles TypeScript, and the core to WebAssembly, makes the images that boot, and bundles the pages and the command. Each step looks
// first whether anything changed. What needs nothing of another runs beside it. Plain JavaScript because nothing is compiled yet.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
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

const compiler = 'node_modules/typescript/bin/tsc';
if (!existsSync(join(root, compiler))) {
  console.error(
    'npm run build: what it builds with is not installed: npm ci --include=dev (npm start and npm test install it)',
  );
  process.exit(1);
}
const compiled = step(compiler, '-p', 'tsconfig.json');
// Images may be compiled by what tsc writes (src/compile/).
const images = Promise.all([step('tools/build-core.mjs'), compiled]).then(() => step('tools/build-image.mjs'));
await Promise.all([bundles(compiled), images]);
