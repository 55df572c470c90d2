// Bundles what `clearway` runs into dist/bundle/: a file for the executable and for the serving thread, and for each module
// that is imported when it is needed (import()), such as a command. A process that loads a hundred modules before its first
// answer pays more for finding them than for running them. They are CommonJS: Node loads it sooner than modules, and by fewer
// threads. What every server loads is there with the code that V8 makes of it (keepCode). Nothing is done when no compiled file is newer. The library keeps its modules (dist/src/): what an application
// imports stays one instance; files of the bundle share objects, and no state of modules.
// It is plain JavaScript because the build calls it before anything else exists.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiled = join(root, 'dist/src');
const finished = join(root, 'dist/bundle');
/** Where it is made, at the same depth: it is in its place when it is whole, and a build that was ended leaves the last one. */
const folder = `${finished}-${process.pid}`;
const command = join(folder, 'main.js');

/** Installed beside it, but for the table of media types, which costs more to find than to read. */
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const installed = Object.keys(dependencies).filter((name) => name !== 'mrmime');

/** What is started by its address, and what these load when it is needed: each is a file of its own name in the bundle. */
const programs = new Set(
  [
    'cli/main.js',
    'serve/worker-main.js',
    'media/serving/media-worker.js',
    'epoll/file-thread.js',
    'vhost/block/disk-thread.js',
    'vhost/net/net-thread.js',
    'kv/kv-thread.js',
    'vmm/vm-thread.js',
    'audio/feeder/feeder-thread.js',
    'audio/pump/pump-main.js',
  ].map((path) => join(compiled, path)),
);

/** Imported when it is needed, by what needs it at each start: it is in the same file. */
const within = { 'cli/serve.js': ['../serve/server.js', '../serve/begun-here.js', './kit/say.js'] };

/** Those of which V8's code is kept: the threads of a server. */
const cachedNames = new Set(['serve', 'worker-main', 'media-worker']);
const loader = join(root, 'tools/cached-code.cjs');
const directly = join(root, 'tools/koffi-directly.cjs');
const keeper = join(root, 'tools/keep-code.cjs');

/** @returns its path from a file of the bundle */
function addProgram(path) {
  const name = basename(path);
  for (const other of programs) {
    if (other !== path && basename(other) === name)
      throw new Error(`the bundle has one folder: rename ${other} or ${path}`);
  }
  programs.add(path);
  return `./${name}`;
}

/** An enum as tsc writes it. */
const enumeration = /^(export )?var (\w+);\n\(function \(\2\) \{\n([\s\S]*?)\n\}\)\(\2 \|\| \(\2 = \{\}\)\);$/gm;

/**
 * The text of a compiled file, in which what it imports when it is needed is there from the begin where it is needed at each start,
 * and enums of which nothing is used can be left out.
 */
function compiledText(path) {
  let text = readFileSync(path, 'utf8').replace(
    enumeration,
    '$1var $2 = /* @__PURE__ */ (function ($2) {\n$3\nreturn $2; })({});',
  );
  for (const [index, other] of (within[relative(compiled, path)] ?? []).entries())
    text = `import * as within${index} from '${other}';\n${text.replace(/import\((['"])(.*?)\1\)/g, (call, _, asked) => (asked === other ? `within${index}` : call))}`;
  return text;
}

/**
 * Code in a bundle keeps its own address, for what it looks for beside itself (pages, package.json, other programs); a program
 * that is in the bundle is started from there. The address is made when it is asked for.
 */
const ownAddresses = {
  name: 'own-addresses',
  setup(build) {
    build.onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir, kind }) =>
      kind === 'dynamic-import' ? { path: addProgram(join(resolveDir, path)), external: true } : undefined,
    );
    build.onLoad({ filter: /[/\\]dist[/\\]src[/\\].*\.js$/ }, ({ path }) => {
      const text = compiledText(path);
      if (!text.includes('import.meta.url')) return { contents: text, loader: 'js', resolveDir: dirname(path) };
      const url = (target) =>
        `require('node:url').pathToFileURL(require('node:path').join(__dirname, ${JSON.stringify(target.replaceAll('\\', '/'))}))`;
      const contents = text
        .replaceAll('createRequire(import.meta.url)', 'require')
        .replace(/new URL\('([^']+)', import\.meta\.url\)|import\.meta\.url/g, (_, beside) => {
          if (beside === undefined) return `${url(relative(folder, path))}.href`;
          const target = join(dirname(path), beside);
          return url(programs.has(target) ? basename(target) : relative(folder, target));
        });
      return { contents, loader: 'js', resolveDir: dirname(path) };
    });
  },
};

/** Puts a module of ours in the place of another, which it may still require itself. */
const inPlaceOf = (filter, name, contentsOf) => ({
  name,
  setup(build) {
    build.onResolve({ filter }, ({ path, namespace }) =>
      namespace === name ? { path, external: true } : { path, namespace: name },
    );
    build.onLoad({ filter: /./, namespace: name }, async ({ path }) => ({
      contents: await contentsOf(path),
      loader: 'js',
      resolveDir: root,
    }));
  },
});

/** Modules of Node's of which most starts need nothing: each is loaded when something of it is first used. */
const lateModules = inPlaceOf(/^node:(?:net|tty|dns\/promises|worker_threads)$/, 'late', async (path) => {
  const names = Object.keys(await import(path)).filter((name) => name !== 'default');
  const getters = names.map((name) => `get ${name}(){return load().${name}}`);
  return `let kept;const load=()=>kept??=require('${path}');module.exports={__esModule:true,${getters}}`;
});

/** See tools/koffi-directly.cjs: koffi itself is asked where that finds nothing. */
const koffiDirectly = inPlaceOf(/^koffi$/, 'directly', (path) => {
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules', path, 'package.json'), 'utf8'));
  return `module.exports=require(${JSON.stringify(directly)}).load('${version}')??require('${path}')`;
});

/**
 * esbuild makes a copy of what a module of Node's exports, property by property, for a default export that is never asked for. The text stays as
 * long as it was, as maps count its characters.
 */
function takeModulesAsTheyAre(file) {
  const pattern = /__toESM\((require\("node:[\w/]+"\)|require_(?:node_\w+|promises)\(\))(?:,1)?\)/g;
  const text = readFileSync(file, 'utf8').replace(pattern, (all, module) => module.padEnd(all.length));
  writeFileSync(file, text);
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

/** What esbuild makes of a file whose code is kept: a function of a module's parameters, behind a file that has it run. */
const cachedShape = {
  outExtension: { '.js': '.code.js' },
  banner: { js: '(function(exports,require,module,__filename,__dirname){' },
  footer: { js: '})' },
};

function writeStub(name) {
  writeFileSync(join(folder, `${name}.js`), `require('./cached-code.cjs').runCached('${name}',module,require);\n`);
}

/** Serves for a moment, so that V8 has made code of what a server runs, and keeps that. Where none can run there is none. */
async function keepCode() {
  const films = mkdtempSync(join(tmpdir(), 'clearway-films-'));
  try {
    await writeFilm(join(films, 'film.mp4'));
    await keepCodeOf(films, ['--media'], ['film.mp4/master.m3u8', 'film.mp4/manifest.mpd', 'absent']);
  } finally {
    rmSync(films, { recursive: true });
  }
  // A thread serves where files are pinned; last the main thread, as it does where nothing else was asked for.
  for (const more of [['--pin', '/none'], []])
    await keepCodeOf(join(root, 'examples/site'), more, ['index.html', 'index.html', 'absent']);
}

/** A film without media: its header is what is read. */
async function writeFilm(path) {
  const module = (name) => import(pathToFileURL(join(compiled, name)).href);
  const { makeFilm } = await module('media/serving/rehearsal/made-film.js');
  const { atOnce } = await module('media/presentation/cut.js');
  const { header, size } = atOnce(makeFilm(6000));
  writeFileSync(path, header);
  truncateSync(path, size);
}

async function keepCodeOf(folder, more, paths) {
  const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...env } = process.env;
  const options = ['serve', folder, '--port', '0', '--workers', '1', ...more];
  const child = spawn(process.execPath, ['--require', keeper, command, ...options], {
    env: { ...env, CLEARWAY_BUNDLE: finished },
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 30_000,
  });
  const ended = once(child, 'exit');
  const headers = { connection: 'close' };
  let said = '';
  for await (const text of child.stdout.setEncoding('utf8')) {
    said += text;
    if (!/^clearway serves/m.test(said)) continue;
    for (const path of paths) await (await fetch(new URL(path, said.split('\n')[0]), { headers })).text();
    child.kill('SIGTERM');
  }
  await ended;
}

async function makeBundle() {
  const { build } = await import('esbuild');
  const common = {
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    external: installed.filter((name) => name !== 'koffi'),
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    format: 'cjs',
    minifySyntax: true,
    minifyWhitespace: true,
    // A command is required too: import() would bring the loader of modules along.
    supported: { 'dynamic-import': false },
    outdir: folder,
    logLevel: 'error',
    plugins: [ownAddresses, lateModules, koffiDirectly],
  };
  // Each by itself: what several need is in each of them, since one process loads few. The set grows on the way.
  for (const program of programs) {
    const name = basename(program, '.js');
    const shape = cachedNames.has(name) ? cachedShape : {};
    await build({ ...common, ...shape, entryPoints: [program] });
    takeModulesAsTheyAre(join(folder, `${name}${shape.outExtension?.['.js'] ?? '.js'}`));
    if (cachedNames.has(name)) writeStub(name);
  }
  copyFileSync(loader, join(folder, 'cached-code.cjs'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }\n');
  keepShellLine();
  await keepCode();
}

/** Bundles it all, if anything was compiled since. */
export async function bundle() {
  const { isBundleFresh } = await import('../dist/tools/bundle-freshness.js');
  const { putInPlace, removeUnfinished } = await import('../dist/tools/bundle-place.js');
  if (isBundleFresh(join(finished, 'main.js'), compiled)) return;
  removeUnfinished(finished);
  try {
    await makeBundle();
    putInPlace(folder, finished);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await bundle();
