// Nanoseconds for a checksum in the core (WebAssembly) and in plain TypeScript over the same memory, by length: what the choice of language is worth.
// `node dist/bench/micro/core-checksum.js`; medians over rounds, interleaved.

import { CoreModule } from '../../src/memory/core-module.js';
import { median } from '../statistics.js';

interface Primitives {
  heapBase(): number;
  checksumOf(address: number, length: number, initial: bigint): number;
}

const rounds = 9;
const runs = 200_000;
const { core, bytes } = new CoreModule<Primitives>('primitives', 1 << 20);
const words = new Uint16Array(bytes.buffer);
const place = (core.heapBase() + 63) & ~63;

function plainChecksum(address: number, length: number): number {
  let sum = 0;
  const end = (address + length) >> 1;
  for (let index = address >> 1; index < end; index++) sum += words[index]!;
  sum = (sum & 0xffff) + (sum >>> 16);
  return ((sum & 0xffff) + (sum >>> 16)) ^ 0xffff;
}

function nanoseconds(run: () => void): number {
  const begin = performance.now();
  for (let index = 0; index < runs; index++) run();
  return ((performance.now() - begin) * 1e6) / runs;
}

for (let index = 0; index < 2048; index++) bytes[place + index] = (index * 167) & 0xff;
for (const length of [20, 64, 512, 1460]) {
  const inCore: number[] = [];
  const inPlain: number[] = [];
  for (let round = 0; round < rounds; round++) {
    inCore.push(nanoseconds(() => core.checksumOf(place, length, 0n)));
    inPlain.push(nanoseconds(() => plainChecksum(place, length)));
  }
  const [one, other] = [median(inCore), median(inPlain)];
  console.log(
    `${length} bytes: core ${one.toFixed(1)} ns, plain TypeScript ${other.toFixed(1)} ns, ${(one / other).toFixed(2)}x`,
  );
}
