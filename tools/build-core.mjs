// Compiles the core (src/core/, AssemblyScript) to WebAssembly: each file of src/core/entries/ to dist/core/NAME.wasm, and of src/core/images/, the modules that
// become machine code (tools/build-image.mjs), to dist/core/images/, and of src/core/around/, what stands around those in an image, to dist/core/around/; unless that is newer than all that
// it is made of. It is plain JavaScript because the build calls it before anything else exists. `node tools/build-core.mjs FOLDER` does so with a copy in another folder,
// and of it with the sources alone that are named behind it. Two processes share the work: the compiler has one thread, and is half of the first build.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url));
const sources = join(root, 'src/core');
const output = join(root, 'dist/core');

// No garbage collector, no imports but the memory, and no host: a failed check is a trap. The first 64 KiB hold nothing, so that they can be a guard page.
const flags = [
  '-O3',
  '--converge',
  '--runtime=stub',
  '--importMemory',
  '--noExportMemory',
  '--memoryBase=65536',
  '--use=abort=',
  '--debug',
];
/**
 * A function that is called at one place only is put in there up to this size of it (the compiler's own limit is 200 nodes): a segment's way through the stack is such
 * functions, and each call costs V8 some 20 instructions. In images, which are to be small, long functions cost more bytes than calls.
 */
const longestInlined = 1000;

/** An image has one processor, and what makes its machine code knows neither atomics nor vectors. Its memory is zeros when it begins, so that the file needs none. */
const kinds = [
  { folder: 'entries', into: '', extra: ['--enable=threads,simd'], longest: longestInlined },
  { folder: 'images', into: 'images/', extra: ['--disable=threads,simd', '--zeroFilledMemory'] },
  // It runs once, or waits: it is to be small.
  { folder: 'around', into: 'around/', extra: ['--shrinkLevel=2', '--disable=threads,simd'] },
];

const compiler = statSync(fileURLToPath(import.meta.url)).mtimeMs;

/** The source and all that it imports, and so on. The core imports nothing but its own files, by their paths. */
function sourcesOf(path, found = new Set()) {
  if (found.has(path)) return found;
  found.add(path);
  for (const [, name] of readFileSync(path, 'utf8').matchAll(/\bfrom '(\.[^']+)'/g)) {
    sourcesOf(`${join(dirname(path), name)}.ts`, found);
  }
  return found;
}

function isFresh(module, source) {
  try {
    const made = statSync(module).mtimeMs;
    const from = [...sourcesOf(source)];
    return from.every((path) => statSync(path).mtimeMs < made) && compiler < made;
  } catch {
    return false;
  }
}

/** Raises the limit while something is compiled. It has to be called before the compiler is loaded, which keeps the optimizer's functions from then on. */
async function inlining() {
  const { resolve } = createRequire(import.meta.resolve('assemblyscript/asc'));
  const { default: binaryen } = await import(pathToFileURL(resolve('binaryen')).href);
  const { _BinaryenSetOneCallerInlineMaxSize: set, _BinaryenGetOneCallerInlineMaxSize: get } = binaryen;
  let wanted;
  // The compiler sets its own limit before each run of the optimizer.
  binaryen._BinaryenSetOneCallerInlineMaxSize = (own) => set(wanted ?? own);
  return {
    upTo: (longest) => {
      wanted = longest;
    },
    /** @throws Error where what was compiled had another limit: the compiler has another optimizer. */
    check: () => {
      if (wanted !== undefined && get() !== wanted)
        throw new Error(`functions were put into their callers up to ${get()} nodes, not ${wanted}`);
    },
  };
}

const named = process.argv.slice(3);
/** Their memory holds the tables of films, many MiB: V8's collector counts what is not shared, and is begun by it. */
const shared = { 'film-tables': ['--sharedMemory', '--maximumMemory=65536'] };

const stale = kinds.flatMap(({ folder, into, extra, longest }) =>
  readdirSync(join(sources, folder))
    .map((file) => file.replace(/\.ts$/, ''))
    .filter((name) => !isFresh(join(output, into, `${name}.wasm`), join(sources, folder, `${name}.ts`)))
    .map((name) => ({
      name,
      source: `src/core/${folder}/${name}.ts`,
      into,
      extra: [...extra, ...(shared[name] ?? [])],
      longest,
    }))
    .filter(({ source }) => named.length === 0 || named.includes(source)),
);

/** Has two processes compile halves of what is stale, as far as the lengths of sources tell. */
async function compileByTwo() {
  const lengthOf = ({ source }) =>
    [...sourcesOf(join(root, source))].reduce((sum, path) => sum + statSync(path).size, 0);
  const halves = [0, 1].map(() => ({ length: 0, sources: [] }));
  for (const module of stale.toSorted((one, other) => lengthOf(other) - lengthOf(one))) {
    const half = halves[0].length <= halves[1].length ? halves[0] : halves[1];
    half.length += lengthOf(module);
    half.sources.push(module.source);
  }
  const ends = halves.map(async ({ sources }) => {
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), root, ...sources], { stdio: 'inherit' });
    const [status] = await once(child, 'exit');
    return status ?? 1;
  });
  process.exitCode = Math.max(...(await Promise.all(ends)));
}

if (stale.length > 1 && named.length === 0) await compileByTwo();
else if (stale.length > 0) {
  // 94 MB of compiler: loaded only when there is something to do.
  const inlined = await inlining();
  const { default: asc } = await import('assemblyscript/asc');
  for (const { into } of kinds) mkdirSync(join(output, into), { recursive: true });
  for (const { name, source, into, extra, longest } of stale) {
    inlined.upTo(longest);
    // Whole files or none: another build may be at work on the same ones.
    const written = `${into}${name}.${process.pid}.wasm`;
    const { error, stderr } = await asc.main(
      [source, ...flags, ...extra, `--outFile=dist/core/${written}`, `--baseDir=${root}`],
      {
        writeFile: (file, contents, folder) => writeFileSync(join(folder, file), contents),
      },
    );
    // Remarks on how well it went are for the compiler's authors.
    const said = stderr.toString();
    if (error !== null || said.includes('WARNING')) console.error(said);
    if (error !== null) {
      console.error(`${source} was not compiled: ${error.message}`);
      process.exit(1);
    }
    inlined.check();
    renameSync(join(output, written), join(output, into, `${name}.wasm`));
  }
}
