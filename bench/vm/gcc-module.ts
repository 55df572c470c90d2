// The store's module by wasm2c and gcc -O2, as a library of this process: its code is that of the image, with the same memory around it. Not here: what is measured with it.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openLibrary, registerCallback, viewMemory } from '../../src/kernel/ffi.js';
import { MAP, mapMemoryAt, PROT } from '../../src/kernel/memory.js';
import { Layout } from '../../src/vmm/boot.js';
import { hostSignatures } from '../../test/compile/kv-guest.js';
import { gccFlags, missingTools, withFixedMemory } from '../../test/vmm/image-tool.js';
import type { Exports, ModuleRunner } from '../../test/vmm/module-guest.js';
import { repositoryRoot } from '../servers/peer.js';

/** Where images have their memory, and so the code of gcc. */
const { linearVirtual } = Layout;
const windowBytes = 0x1_0001_0000;

/** Whether this process had something there when it began: its heap, where the kernel's chance put it there. */
const isTaken = readFileSync('/proc/self/maps', 'latin1')
  .split('\n')
  .some((line) => {
    const [from, to] = line
      .split(' ')[0]!
      .split('-')
      .map((text) => Number.parseInt(text, 16));
    return from! < linearVirtual + windowBytes && to! > linearVirtual;
  });

/** Why the module cannot be compiled by wasm2c and gcc here, or not run in this process; undefined: it can. */
export const gccAbsence = (): string | undefined =>
  missingTools() ??
  (isTaken ? 'this process has its heap where the memory of that code has to be: run it again' : undefined);

const glue = `#include "image.h"
#include <stdlib.h>
u64 memory_bytes;
static u32 (*read_to)(u32);
static void (*write_to)(u32, u32);
void set_host(u64 bytes, u64 read, u64 write) { memory_bytes = bytes; read_to = (void *)read; write_to = (void *)write; }
u32 host_readRegister(u32 address) { return read_to(address); }
void host_writeRegister(u32 address, u32 value) { write_to(address, value); }
void host_fence(void) { __asm__ volatile("lock orl $0, (%%rsp)" ::: "memory"); } void host_order(void) {} void host_say(u32 text, u32 length) {} void host_endGuest(u32 status) { abort(); }
void module_trapped(u32 code) { exit(3); }
void give_up(const char *why) { exit(3); }
u64 turn_address(void) { return (u64)module_turn; }
`;

/** The store's module as a library: what an image has, but for code that may be anywhere. */
export function buildLibrary(folder: string): string {
  const sources = join(repositoryRoot, 'src/image');
  const run = (program: string, args: readonly string[]): void => {
    execFileSync(program, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  };
  run('wasm2c', ['-n', 'module', join(repositoryRoot, 'dist/core/images/kv.wasm'), '-o', 'module.c']);
  writeFileSync(join(folder, 'module.c'), withFixedMemory(readFileSync(join(folder, 'module.c'), 'utf8')));
  writeFileSync(join(folder, 'glue.c'), glue);
  // The library of C has these already.
  const runtime = readFileSync(join(sources, 'wasm2c.c'), 'utf8')
    .replace(/^void (?:abort|__assert_fail).*$/gm, '')
    .replace(/^\/\* Rounding[\s\S]*?(?=^\/\* What host)/m, '');
  writeFileSync(join(folder, 'wasm2c.c'), `#include <stdlib.h>\n${runtime}`);
  const flags = gccFlags.filter((flag) => !/^-(?:fno-pi[ce]|mcmodel|ffreestanding|fno-builtin)/.test(flag));
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

/** Runs it. @param library its file @param told hears the address of its function `turn` */
export const byGcc =
  (library: string, told: (turn: number) => void = () => {}): ModuleRunner =>
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
    told(Number(code.bind('uint64_t turn_address()')()));
    const exports = Object.fromEntries([
      ['bootBlock', code.bind('uint32_t module_bootBlock()')],
      ...['begin', 'turn', 'rest'].map((name) => [name, code.bind(`uint32_t module_${name}(uint32_t now)`)]),
    ]);
    return { bytes: new Uint8Array(viewMemory(linearVirtual, pages * 65_536)), exports: exports as unknown as Exports };
  };
