// Asks a C compiler what constant expressions are worth under the kernel's or libc's headers, for x64 and arm64 alike:
// the values are read out of the assembly, so nothing of the other architecture has to run.
// For tests only; it compiles what the test writes and knows nothing of what the values mean.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The architectures that the tables know. */
export type Architecture = 'x64' | 'arm64';

/** A compiler command with its include paths, and what it compiles against. */
export interface Toolchain {
  readonly command: readonly string[];
  /** What it is, for messages: `gcc, headers of Linux 6.1.4 in /usr/aarch64-linux-gnu/include`. */
  readonly name: string;
  /** The version of the kernel's headers, as 6.12 is 6.012: comparable. */
  readonly headersVersion: number;
}

/** What came back: the value of each expression that compiles, and the names of those that do not. */
export interface CValues {
  readonly values: ReadonlyMap<string, bigint>;
  readonly missing: ReadonlySet<string>;
}

const triples = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' } as const;
/** An x64 and an arm64 compiler lay out C structures of fixed-width integers alike, so one can stand in for the other. */
const impersonate = { x64: ['-U__aarch64__', '-D__x86_64__'], arm64: ['-U__x86_64__', '-D__aarch64__'] } as const;

/** `6.12` as a number that compares: 6.012. */
export function versionNumber(version: string): number {
  const [major = '0', minor = '0'] = version.split('.');
  return Number(major) + Number(minor) / 1000;
}

/** A compiler that can be asked about the kernel's own headers for `architecture`, or the reason why there is none. */
export function kernelToolchain(architecture: Architecture): Toolchain | string {
  const triple = triples[architecture];
  const own = process.arch === architecture;
  const compiler = [`${triple}-gcc`, ...(own ? ['gcc', 'cc'] : [])].find(runs) ?? ['gcc', 'cc'].find(runs);
  if (compiler === undefined) return 'no C compiler: apt-get install gcc';
  const headers = newestHeaders(triple);
  if (headers === undefined) {
    const packageName = own ? 'linux-libc-dev' : `linux-libc-dev-${architecture === 'x64' ? 'amd64' : 'arm64'}-cross`;
    return `no kernel headers for ${architecture}: apt-get install ${packageName}`;
  }
  const stranger = !own && !compiler.startsWith(triple);
  const include = headers.folders.flatMap((folder) => ['-isystem', folder]);
  return {
    command: [compiler, ...(stranger ? impersonate[architecture] : []), '-nostdinc', ...builtin(compiler), ...include],
    name: `${compiler}, headers of Linux ${headers.version} in ${headers.folders[0]}`,
    headersVersion: versionNumber(headers.version),
  };
}

/** A compiler with libc's headers for `architecture`, or the reason why there is none. */
export function libcToolchain(architecture: Architecture): Toolchain | string {
  const own = process.arch === architecture;
  const compiler = [`${triples[architecture]}-gcc`, ...(own ? ['gcc', 'cc'] : [])].find(runs);
  const packageName = own ? 'gcc libc6-dev' : `gcc-${triples[architecture].replace('_', '-')}`;
  const reason = `no C library headers for ${architecture}: apt-get install ${packageName}`;
  if (compiler === undefined) return reason;
  const probe = spawnSync(compiler, ['-E', '-'], { input: '#include <sys/socket.h>\n' });
  return probe.status === 0 ? { command: [compiler], name: compiler, headersVersion: 0 } : reason;
}

/**
 * Compiles `expressions` (name -> constant expression) after `includes`. An expression that does not compile is
 * reported as missing; a header that does not is an error.
 * @throws Error with the compiler's words.
 */
export function cValues(
  toolchain: Toolchain,
  includes: readonly string[],
  expressions: ReadonlyMap<string, string>,
): CValues {
  const prologue = ['#define _GNU_SOURCE', '#include <stddef.h>', ...includes.map((name) => `#include <${name}>`)];
  const names = [...expressions.keys()];
  const lines = names.map((name, index) => {
    const value = `(long long)(${expressions.get(name)})`;
    return `void f${index}(void) { __asm__ volatile("\\n.ascii \\"->${name} %0\\"" :: "i"(${value})); }`;
  });
  const folder = mkdtempSync(join(tmpdir(), 'clearway-c-'));
  try {
    const source = join(folder, 'probe.c');
    const compile = (text: readonly string[], options: readonly string[]) => {
      writeFileSync(source, `${[...prologue, ...text].join('\n')}\n`);
      const [command = 'cc', ...given] = toolchain.command;
      return spawnSync(command, [...given, '-w', ...options, source], { encoding: 'utf8', maxBuffer: 1 << 26 });
    };
    const missing = new Set<string>();
    for (const [, line] of compile(lines, ['-fsyntax-only']).stderr.matchAll(/probe\.c:(\d+):\d+: (?:fatal )?error/g)) {
      const name = names[Number(line) - prologue.length - 1];
      if (name !== undefined) missing.add(name);
    }
    const assembly = join(folder, 'probe.s');
    const kept = lines.map((line, index) => (missing.has(names[index] ?? '') ? '' : line));
    const done = compile(kept, ['-S', '-O1', '-o', assembly]);
    if (done.status !== 0) throw new Error(`${toolchain.name} failed: ${done.stderr || done.error?.message}`);
    const found = readFileSync(assembly, 'utf8').matchAll(/"->(\S+) [$#]?(-?\d+)"/g);
    return { values: new Map([...found].map(([, name = '', value = '']) => [name, BigInt(value)])), missing };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function runs(command: string): boolean {
  return spawnSync(command, ['--version']).status === 0;
}

/** The compiler's own headers (stddef.h, stdint.h), which `-nostdinc` takes away with the system's. */
function builtin(compiler: string): string[] {
  const done = spawnSync(compiler, ['-print-file-name=include'], { encoding: 'utf8' });
  return ['-isystem', done.stdout.trim()];
}

/** Debian's places for the kernel's headers, and CLEARWAY_KERNEL_HEADERS (an unpacked linux-libc-dev); the newest wins. */
function newestHeaders(triple: string): { folders: string[]; version: string } | undefined {
  const given = process.env.CLEARWAY_KERNEL_HEADERS;
  const candidates = [
    ...(given === undefined ? [] : [[given, join(given, triple)]]),
    ['/usr/include', `/usr/include/${triple}`],
    [`/usr/${triple}/include`],
  ]
    .filter((folders) => folders.some((folder) => existsSync(join(folder, 'asm/unistd.h'))))
    .flatMap((folders) => {
      const version = headersVersion(folders[0] ?? '');
      return version === undefined ? [] : [{ folders, version }];
    });
  return candidates.sort((a, b) => versionNumber(b.version) - versionNumber(a.version))[0];
}

function headersVersion(folder: string): string | undefined {
  const file = join(folder, 'linux/version.h');
  const code = existsSync(file) && /LINUX_VERSION_CODE (\d+)/.exec(readFileSync(file, 'utf8'))?.[1];
  if (!code) return undefined;
  return `${Number(code) >> 16}.${(Number(code) >> 8) & 255}.${Number(code) & 255}`;
}
