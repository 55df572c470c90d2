// What compiles the module of an image, measured: the same commands over the same rings in this process, by V8, by wasm2c and gcc -O2, and by our own compiler. CPU time of this thread
// alone, so that a machine that others use may measure it. Not here: the code of gcc (gcc-module.ts), guests.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryBytes, natively, Store } from '../../test/compile/kv-guest.js';
import { layouts } from '../../test/vmm/module-guest.js';
import { median } from '../statistics.js';
import { buildLibrary, byGcc, gccAbsence } from './gcc-module.js';

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
export function measureCompilers(rounds: number): string[] {
  const missing = gccAbsence();
  const folder = mkdtempSync(join(tmpdir(), 'clearway-bench-'));
  const stores: Record<string, Store> = {
    V8: new Store(layouts.split!),
    'own compiler': new Store(layouts.split!, natively),
  };
  if (missing === undefined) stores['wasm2c and gcc -O2'] = new Store(layouts.split!, byGcc(buildLibrary(folder)));
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
