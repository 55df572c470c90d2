// Bundles what `clearway` runs into dist/bundle/: the command line in a few files, a serving thread in one. A process that
// loads a hundred modules before its first answer pays more for finding them than for running them. Nothing is done when no
// compiled file is newer. The library keeps its modules (dist/src/): what an application imports stays one instance.
// It is plain JavaScript because the build calls it before anything else exists.

import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiled = join(root, 'dist/src');
const folder = join(root, 'dist/bundle');
const command = join(folder, 'main.js');

/** Programs that are started by their address, and their files in the bundle. */
const programs = new Map([
  [join(compiled, 'cli/main.js'), command],
  [join(compiled, 'serve/worker.js'), join(folder, 'worker.js')],
]);

/**
 * Code in a bundle keeps its own address, for what it looks for beside itself (pages, package.json, other programs); a program
 * that is in the bundle is started from there.
 */
const ownAddresses = {
  name: 'own-addresses',
  setup(build) {
    build.onLoad({ filter: /[/\\]dist[/\\]src[/\\].*\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (!text.includes('import.meta.url')) return undefined;
      const from = (target) => relative(folder, target).replaceAll('\\', '/');
      const contents = text.replace(/new URL\('([^']+)', import\.meta\.url\)|import\.meta\.url/g, (whole, target) => {
        const program = target === undefined ? undefined : programs.get(join(dirname(path), target));
        if (program !== undefined) return `new URL('./${from(program)}', import.meta.url)`;
        return whole.replace('import.meta.url', `new URL('${from(path)}', import.meta.url).href`);
      });
      return { contents, loader: 'js', resolveDir: dirname(path) };
    });
  },
};

function newestMs(directory) {
  let latest = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.js') || entry.name.endsWith('.test.js')) continue;
    latest = Math.max(latest, statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs);
  }
  return latest;
}

function isFresh() {
  const built = statSync(command, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return built > newestMs(compiled) && built > statSync(fileURLToPath(import.meta.url)).mtimeMs;
}

/** Comments are dropped from a bundle, but the executable's second line is one that the shell runs (src/cli/main.ts). */
function keepShellLine() {
  const line = readFileSync(join(compiled, 'cli/main.js'), 'utf8').split('\n')[1];
  const [first, ...rest] = readFileSync(command, 'utf8').split('\n');
  writeFileSync(command, [first, line, ...rest].join('\n'));
  const map = JSON.parse(readFileSync(`${command}.map`, 'utf8'));
  writeFileSync(`${command}.map`, JSON.stringify({ ...map, mappings: `;${map.mappings}` }));
  chmodSync(command, 0o755);
}

/** Bundles the command and the thread, if anything was compiled since. */
export async function bundle() {
  if (isFresh()) return;
  const { build } = await import('esbuild');
  rmSync(folder, { recursive: true, force: true });
  const common = {
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    packages: 'external',
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    format: 'esm',
    splitting: true,
    outdir: folder,
    logLevel: 'error',
    plugins: [ownAddresses],
  };
  // Each by itself: what both need would be cut into more files if it were shared, and they share no instance anyway.
  for (const program of programs.keys()) await build({ ...common, entryPoints: [program] });
  keepShellLine();
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await bundle();
