// The initial RAM disk of a guest: busybox, modules of its kernel, programs of this host with their libraries, files, and the
// script that the kernel starts. Not here: what the script does (guest.ts, machine.ts).

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Kernel } from './kernels.js';

/** What an initial RAM disk holds. */
export interface InitialDisk {
  /** What the guest does once its modules are loaded, as a script. When it ends, the kernel panics. */
  readonly init: string;
  /** Modules, by name; what they depend on comes with them. */
  readonly modules: readonly string[];
  /** Programs of this host, by name. */
  readonly programs?: readonly string[];
  /** Files of this host by their paths in the guest. */
  readonly files?: Readonly<Record<string, string>>;
}

const initStart = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for file in $(cat /modules.list); do insmod /modules/$file || echo "module $file was not loaded"; done
`;

const folders = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];

/** Where a program of this host is; undefined where it is not. */
export function programPath(name: string): string | undefined {
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/**
 * The reason why guests cannot run here, or undefined.
 * @param further programs that the test needs beside, each with Debian's package that has it
 */
export function guestsImpossible(
  ...further: readonly (readonly [program: string, source: string])[]
): string | undefined {
  for (const [program, source] of [
    ...further,
    ['qemu-system-x86_64', 'qemu-system-x86'],
    ['busybox', 'busybox-static'],
    ['cpio', 'cpio'],
    ['depmod', 'kmod'],
  ] as const) {
    if (programPath(program) === undefined) return `${program} is not here: apt-get install ${source}`;
  }
  if (process.arch !== 'x64') return 'the guests are x86-64 ones';
  return undefined;
}

/** The module files of some modules with what they depend on, in the order of loading. */
function moduleFiles(kernel: Kernel, names: readonly string[]): string[] {
  const files: string[] = [];
  for (const name of names) {
    const args = ['-d', kernel.root, '-S', kernel.version, '--show-depends', name];
    // One that this kernel does not have, or has built in, is no module of it.
    const { stdout: listed } = spawnSync('modprobe', args, { encoding: 'utf8' });
    for (const line of listed.split('\n')) {
      const file = /^insmod (\S+)/.exec(line)?.[1];
      if (file !== undefined && !files.includes(file)) files.push(file);
    }
  }
  return files;
}

function addModules(kernel: Kernel, tree: string, modules: readonly string[]): void {
  const names: string[] = [];
  mkdirSync(join(tree, 'modules'));
  for (const file of moduleFiles(kernel, modules)) {
    const name = basename(file).replace(/\.(xz|zst|gz)$/, '');
    if (file.endsWith('.xz'))
      writeFileSync(join(tree, 'modules', name), execFileSync('xz', ['-dc', file], { maxBuffer: 1 << 26 }));
    else if (file.endsWith('.zst'))
      writeFileSync(join(tree, 'modules', name), execFileSync('zstd', ['-dcq', file], { maxBuffer: 1 << 26 }));
    else cpSync(file, join(tree, 'modules', name));
    names.push(name);
  }
  writeFileSync(join(tree, 'modules.list'), `${names.join('\n')}\n`);
}

/** Copies a file of the host, or what a link there leads to. */
function addFile(tree: string, path: string, from: string): void {
  const to = join(tree, path);
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { dereference: true });
}

/** Adds a program with the libraries that it is linked to, each where it is on this host. */
function addProgram(tree: string, name: string): void {
  const path = programPath(name);
  if (path === undefined) throw new Error(`${name} is not here`);
  addFile(tree, path, path);
  // A static program has none, and ldd says so with a status.
  const { stdout } = spawnSync('ldd', [path], { encoding: 'utf8' });
  for (const line of stdout.split('\n')) {
    const library = /(?:=> |^\s)(\/\S+) \(0x/.exec(line)?.[1];
    if (library !== undefined) addFile(tree, library, library);
  }
}

/** Writes an initial RAM disk into a folder. Returns its path. @throws Error where a program is not on this host */
export function makeInitialDisk(kernel: Kernel, folder: string, contents: InitialDisk): string {
  const tree = join(folder, 'initrd');
  for (const each of ['bin', 'proc', 'sys', 'dev']) mkdirSync(join(tree, each), { recursive: true });
  cpSync(programPath('busybox')!, join(tree, 'bin/busybox'), { dereference: true });
  addModules(kernel, tree, contents.modules);
  for (const name of contents.programs ?? []) addProgram(tree, name);
  for (const [path, from] of Object.entries(contents.files ?? {})) addFile(tree, path, from);
  writeFileSync(join(tree, 'init'), `${initStart}${contents.init}`);
  chmodSync(join(tree, 'init'), 0o755);
  const disk = join(folder, 'initrd.cpio');
  execFileSync('sh', ['-c', `cd '${tree}' && find . | cpio -o -H newc --quiet > '${disk}'`]);
  return disk;
}
