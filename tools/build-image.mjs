// Makes images that boot: each module of dist/core/images/ becomes C (wasm2c of wabt), machine code (gcc) and, with src/image/ around it, one ELF file,
// dist/image/NAME.elf. The same sources and tools give the same bytes. Where the tools are missing, or are others than those that it was tried with,
// nothing is made, and it says why: whoever installs the package has the images already. Plain JavaScript because the build calls it.

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
const images = join(root, 'dist/image');

/** What wasm2c writes has changed between versions in names and shape: this is the one that src/image/host.c is written for. */
const wabtVersion = '1.0.32';

const flags = [
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

/** Why images cannot be made here; undefined: they can. */
export function missingTools() {
  if (process.arch !== 'x64') return `images are for x86-64, and this is ${process.arch}`;
  try {
    const version = execFileSync('wasm2c', ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    if (!version.startsWith(wabtVersion))
      return `wasm2c is version ${version}, and images are made with ${wabtVersion}`;
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
function withFixedMemory(text) {
  const fixed = text.replaceAll('&mem->data[addr]', '((u8 *)0x40000000ul + addr)');
  if (fixed === text) throw new Error('wasm2c writes memory accesses in another way than expected');
  return fixed;
}

/** Makes one image. @param name of its module @param into the file that is written, whole or not at all */
export function buildImage(name, into) {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-image-'));
  const run = (program, args) => execFileSync(program, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  try {
    for (const file of readdirSync(sources)) writeFileSync(join(folder, file), readFileSync(join(sources, file)));
    // Names of functions are for people, and would be in the C alone.
    run('wasm2c', ['-n', 'module', join(modules, `${name}.wasm`), '-o', 'module.c']);
    writeFileSync(join(folder, 'module.c'), withFixedMemory(readFileSync(join(folder, 'module.c'), 'utf8')));
    run('gcc', [...flags, '-c', 'module.c']);
    run('gcc', [...flags, '-c', 'host.c']);
    run('gcc', [...flags, '-mgeneral-regs-only', '-c', 'boot.c']);
    run('gcc', ['-c', 'start.S']);
    run('gcc', [...link, 'start.o', 'boot.o', 'host.o', 'module.o', '-lgcc', '-o', 'image.elf']);
    run('strip', ['-s', 'image.elf']);
    writeFileSync(`${into}.${process.pid}`, readFileSync(join(folder, 'image.elf')));
    renameSync(`${into}.${process.pid}`, into);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const timeOf = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function buildAll() {
  const own = [fileURLToPath(import.meta.url), ...readdirSync(sources).map((file) => join(sources, file))].map(timeOf);
  const stale = readdirSync(modules)
    .filter((file) => /^[\w-]+\.wasm$/.test(file))
    .map((file) => file.replace(/\.wasm$/, ''))
    .filter((name) => timeOf(join(images, `${name}.elf`)) <= Math.max(...own, timeOf(join(modules, `${name}.wasm`))));
  if (stale.length === 0) return;
  const why = missingTools();
  if (why !== undefined) {
    console.error(`no images were made (clearway kv --vm needs one): ${why}`);
    return;
  }
  mkdirSync(images, { recursive: true });
  for (const name of stale) buildImage(name, join(images, `${name}.elf`));
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) buildAll();
