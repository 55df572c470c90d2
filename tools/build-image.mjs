// Makes images that boot, dist/image/NAME.elf, of each module of dist/core/images/, by our own compiler and linker (src/compile/), with src/core/around/ around it, which need nothing that is not here.
// `--compiler gcc` makes them by wasm2c (wabt) and gcc, with src/image/ around the module, to hold our own against: faster code, and half as much again of it.
// The same sources and tools give the same bytes. Plain JavaScript because the build calls it.

import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'dist/core/images');
const sources = join(root, 'src/image');
const compilerSources = join(root, 'src/compile');
const machineSide = join(root, 'dist/core/around/machine.wasm');
const images = join(root, 'dist/image');

/** What wasm2c writes has changed between versions in names and shape: this is the one that src/image/wasm2c.c is written for. */
const wabtVersion = '1.0.32';

export const flags = [
  ...[
    '-m64',
    '-std=gnu17',
    '-O2',
    '-ffreestanding',
    '-fno-builtin-memcpy',
    '-fno-stack-protector',
    '-fno-pic',
    '-fno-pie',
    '-mno-red-zone',
  ],
  ...[
    '-mcmodel=small',
    '-fno-asynchronous-unwind-tables',
    '-fcf-protection=none',
    '-ffunction-sections',
    '-fdata-sections',
    '-fno-ident',
  ],
  ...['-fno-strict-aliasing', '-fno-math-errno', '-mno-avx', '-frandom-seed=clearway', '-w'],
  ...['-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=1', '-DWASM_RT_USE_STACK_DEPTH_COUNT=0'],
];
const link = [
  '-nostdlib',
  '-static',
  '-no-pie',
  '-Wl,-T,link.ld,-n,--build-id=none,--gc-sections,-z,noexecstack,--no-warn-rwx-segments',
];

/** Why wasm2c and gcc cannot make images here; undefined: they can. */
export function missingTools() {
  // gcc makes code for the machine that it runs on.
  if (process.arch !== 'x64') return `gcc makes no code for x86-64 on ${process.arch}`;
  try {
    const version = execFileSync('wasm2c', ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    if (!version.startsWith(wabtVersion))
      return `wasm2c is version ${version}, and modules are compiled with ${wabtVersion}`;
  } catch {
    return 'wasm2c is not installed (Debian: apt-get install wabt)';
  }
  try {
    execFileSync('gcc', ['--version'], { stdio: 'ignore' });
  } catch {
    return 'gcc is not installed';
  }
  return undefined;
}

/** Linear memory begins at an address that never changes: the code need not look it up at each access. */
export function withFixedMemory(text) {
  const fixed = text.replaceAll('&mem->data[addr]', '((u8 *)0x40000000ul + addr)');
  if (fixed === text) throw new Error('wasm2c writes memory accesses in another way than expected');
  return fixed;
}

/** What stands around each module, compiled once. */
let machine;

/** The image by our own compiler and linker, which the build made before. */
async function makeByOurselves(module) {
  const [{ compileModule }, { linkImage }] = await Promise.all([
    import('../dist/src/compile/program.js'),
    import('../dist/src/compile/link-image.js'),
  ]);
  machine ??= compileModule(readFileSync(machineSide));
  return linkImage(machine, compileModule(readFileSync(module)));
}

/** The image by wasm2c and gcc. */
function makeByGcc(module) {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-image-'));
  const run = (program, args) => execFileSync(program, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  try {
    for (const file of readdirSync(sources)) writeFileSync(join(folder, file), readFileSync(join(sources, file)));
    // Names of functions are for people, and would be in the C alone.
    run('wasm2c', ['-n', 'module', module, '-o', 'module.c']);
    writeFileSync(join(folder, 'module.c'), withFixedMemory(readFileSync(join(folder, 'module.c'), 'utf8')));
    for (const part of ['module', 'wasm2c', 'host']) run('gcc', [...flags, '-c', `${part}.c`]);
    run('gcc', [...flags, '-mgeneral-regs-only', '-c', 'boot.c']);
    run('gcc', ['-c', 'start.S']);
    run('gcc', [...link, 'start.o', 'boot.o', 'host.o', 'wasm2c.o', 'module.o', '-lgcc', '-o', 'image.elf']);
    run('strip', ['-s', 'image.elf']);
    return readFileSync(join(folder, 'image.elf'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Makes one image.
 * @param name of its module @param into the file that is written, whole or not at all
 * @param compiler `own` (src/compile/), or `gcc` (with wasm2c)
 */
export async function buildImage(name, into, compiler = 'own') {
  const module = join(modules, `${name}.wasm`);
  const image = compiler === 'own' ? await makeByOurselves(module) : makeByGcc(module);
  writeFileSync(`${into}.${process.pid}`, image);
  renameSync(`${into}.${process.pid}`, into);
}

const timeOf = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** What was asked for with `--compiler`, if anything was. */
function askedCompiler() {
  const at = process.argv.indexOf('--compiler');
  const asked = at < 0 ? undefined : process.argv[at + 1];
  if (at >= 0 && asked !== 'gcc' && asked !== 'own') {
    console.error('--compiler is gcc or own');
    process.exit(2);
  }
  return asked;
}

/** Files of a folder, its tests left out. */
const filesOf = (folder) =>
  readdirSync(folder)
    .filter((file) => !file.endsWith('.test.ts'))
    .map((file) => join(folder, file));

/** Names of the images that are older than their module or any of these files. */
function olderThan(...files) {
  const newest = Math.max(...files.map(timeOf));
  return moduleNames().filter(
    (name) => timeOf(join(images, `${name}.elf`)) <= Math.max(newest, timeOf(join(modules, `${name}.wasm`))),
  );
}

function moduleNames() {
  return readdirSync(modules)
    .filter((file) => /^[\w-]+\.wasm$/.test(file))
    .map((file) => file.replace(/\.wasm$/, ''));
}

/** What is to be made, and by which compiler; asked for by name, all of it: who compiled what is there is not written in it. */
function plan() {
  const compiler = askedCompiler();
  if (compiler !== undefined) return { compiler, stale: moduleNames() };
  const sources = [fileURLToPath(import.meta.url), ...filesOf(compilerSources), machineSide];
  return { compiler: 'own', stale: olderThan(...sources) };
}

async function buildAll() {
  const { compiler, stale } = plan();
  if (stale.length === 0) return;
  const why = compiler === 'gcc' ? missingTools() : undefined;
  if (why !== undefined) {
    console.error(`no images were made: ${why}`);
    process.exit(1);
  }
  mkdirSync(images, { recursive: true });
  for (const name of stale) await buildImage(name, join(images, `${name}.elf`), compiler);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await buildAll();
