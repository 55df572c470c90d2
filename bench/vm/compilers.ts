// What compiles the module of an image, measured: the same commands over the same rings in this process, by V8, by wasm2c and gcc -O2, and by our own compiler. CPU time of this thread
// alone, so that a machine that others use may measure it. Not here: guests.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openLibrary, registerCallback, viewMemory } from '../../src/kernel/ffi.js';
import { MAP, mapMemoryAt, PROT } from '../../src/kernel/memory.js';
import { hostSignatures, memoryBytes, natively, Store } from '../../test/compile/kv-guest.js';
import { type Exports, layouts, type ModuleRunner } from '../../test/vmm/module-guest.js';
import { repositoryRoot } from '../servers/peer.js';
import { median } from '../statistics.js';

/** Where images have their memory, and so the code of gcc. */
const linearVirtual = 0x4000_0000;
const windowBytes = 0x1_0001_0000;

const glue = `#include "image.h"
#include <stdlib.h>
u64 memory_bytes;
static u32 (*read_to)(u32);
static void (*write_to)(u32, u32);
void set_host(u64 bytes, u64 read, u64 write) { memory_bytes = bytes; read_to = (void *)read; write_to = (void *)write; }
u32 host_readRegister(u32 address) { return read_to(address); }
void host_writeRegister(u32 address, u32 value) { write_to(address, value); }
void host_fence(void) {} void host_order(void) {} void host_say(u32 text, u32 length) {} void host_endGuest(u32 status) { abort(); }
void module_trapped(u32 code) { exit(3); }
void give_up(const char *why) { exit(3); }
`;

interface ImageTool {
  readonly flags: readonly string[];
  missingTools(): string | undefined;
  withFixedMemory(text: string): string;
}

/** The module as a library: what an image has, but for code that may be anywhere. */
function buildLibrary(tool: ImageTool, folder: string): string {
  const sources = join(repositoryRoot, 'src/image');
  const run = (program: string, args: readonly string[]): void => {
    execFileSync(program, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  };
  run('wasm2c', ['-n', 'module', join(repositoryRoot, 'dist/core/images/kv.wasm'), '-o', 'module.c']);
  writeFileSync(join(folder, 'module.c'), tool.withFixedMemory(readFileSync(join(folder, 'module.c'), 'utf8')));
  writeFileSync(join(folder, 'glue.c'), glue);
  // The library of C has these already.
  const runtime = readFileSync(join(sources, 'wasm2c.c'), 'utf8')
    .replace(/^void (?:abort|__assert_fail).*$/gm, '')
    .replace(/^\/\* Rounding[\s\S]*?(?=^\/\* What host)/m, '');
  writeFileSync(join(folder, 'wasm2c.c'), `#include <stdlib.h>\n${runtime}`);
  const flags = tool.flags.filter((flag) => !/^-(?:fno-pi[ce]|mcmodel|ffreestanding|fno-builtin)/.test(flag));
  run('gcc', [
    ...flags,
    '-fPIC',
    '-shared',
    `-I${sources}`,
    'module.c',
    'wasm2c.c',
    'glue.c',
    '-lm',
    '-o',
    'module.so',
  ]);
  return join(folder, 'module.so');
}

const byGcc =
  (library: string): ModuleRunner =>
  (_, pages, host) => {
    const code = openLibrary([library]);
    if (code === undefined) throw new Error(`${library} was not loaded`);
    const rights = PROT.READ | PROT.WRITE;
    const flags = MAP.PRIVATE | MAP.ANONYMOUS | MAP.NORESERVE;
    if (mapMemoryAt(linearVirtual, windowBytes, PROT.NONE, flags, -1, 0) !== 0)
      throw new Error('its addresses are taken');
    if (mapMemoryAt(linearVirtual, pages * 65_536, rights, flags, -1, 0) !== 0) throw new Error('there is no memory');
    const callback = (name: string): number =>
      registerCallback(hostSignatures.get(name)!, host[name] as (...values: never[]) => unknown).address;
    code.bind('void set_host(uint64_t bytes, uint64_t read, uint64_t write)')(
      pages * 65_536,
      callback('readRegister'),
      callback('writeRegister'),
    );
    code.bind('void module_instantiate()')();
    const exports = Object.fromEntries([
      ['bootBlock', code.bind('uint32_t module_bootBlock()')],
      ...['begin', 'turn', 'rest'].map((name) => [name, code.bind(`uint32_t module_${name}(uint32_t now)`)]),
    ]);
    return { bytes: new Uint8Array(viewMemory(linearVirtual, pages * 65_536)), exports: exports as unknown as Exports };
  };

/** Requests by what they are: many in one piece, so that crossings into the module do not count. */
const loads: Readonly<Record<string, string>> = {
  GET: Array.from({ length: 4000 }, (_, index) => `*2\r\n$3\r\nGET\r\n$8\r\nkey:${1000 + (index % 1000)}\r\n`).join(''),
  SET: Array.from(
    { length: 4000 },
    (_, index) => `*3\r\n$3\r\nSET\r\n$8\r\nkey:${1000 + (index % 1000)}\r\n$32\r\n${'v'.repeat(32)}\r\n`,
  ).join(''),
  'ZADD and ZRANGE': Array.from(
    { length: 1000 },
    (_, index) => `ZADD z ${index % 100}.5 m${index % 300}\r\nZRANGE z 0 3\r\n`,
  ).join(''),
};
const commandsOf = (name: string): number => (name.startsWith('ZADD') ? 2000 : 4000);

/** CPU time of one load in nanoseconds a command. */
function measure(store: Store, name: string): number {
  const begun = process.cpuUsage();
  store.ask(2000, loads[name]!);
  const { user, system } = process.cpuUsage(begun);
  return ((user + system) * 1000) / commandsOf(name);
}

/** Measures all of them in turns. @returns lines of a table: nanoseconds of CPU time a command, medians of rounds, and ratios to gcc */
export async function measureCompilers(rounds: number): Promise<string[]> {
  const tool = (await import(pathToFileURL(join(repositoryRoot, 'tools/build-image.mjs')).href)) as ImageTool;
  const missing = tool.missingTools();
  const folder = mkdtempSync(join(tmpdir(), 'clearway-bench-'));
  const stores: Record<string, Store> = {
    V8: new Store(layouts.split!),
    'own compiler': new Store(layouts.split!, natively),
  };
  if (missing === undefined)
    stores['wasm2c and gcc -O2'] = new Store(layouts.split!, byGcc(buildLibrary(tool, folder)));
  rmSync(folder, { recursive: true });
  for (const store of Object.values(stores)) {
    store.clients.device.open(2000, 6379);
    store.clients.keepsReplies = false;
    for (let round = 0; round < 10; round++) for (const name of Object.keys(loads)) store.ask(2000, loads[name]!);
  }
  const lines = [
    `CPU time of a command in the module of kv, ns, medians of ${rounds} rounds in turns${missing === undefined ? '' : ` (without gcc: ${missing})`}`,
  ];
  for (const name of Object.keys(loads)) {
    const figures: Record<string, number[]> = {};
    for (let round = 0; round < rounds; round++)
      for (const [who, store] of Object.entries(stores)) figures[who] = [...(figures[who] ?? []), measure(store, name)];
    const gcc = figures['wasm2c and gcc -O2'];
    const parts = Object.entries(figures).map(([who, list]) => {
      const ratio =
        gcc === undefined ? '' : ` (${median(list.map((value, index) => value / gcc[index]!)).toFixed(2)}x)`;
      return `${who} ${median(list).toFixed(0)}${ratio}`;
    });
    lines.push(`  ${name}: ${parts.join(', ')}`);
  }
  lines.push(
    `  ${memoryBytes / 1024 ** 2} MiB of memory, requests of 4,000 commands in one piece; the rings and the client's side of them are in these figures`,
  );
  return lines;
}
