import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { platformIsLinux } from '../kernel/ffi.js';
import { CoreModule } from './core-module.js';

const skip = !platformIsLinux;

interface Primitives {
  heapBase(): number;
  be32(address: number): number;
}

test('the memory that TypeScript writes is the one that the module reads', () => {
  const { core, data, bytes } = new CoreModule<Primitives>('primitives', 1 << 20);
  assert.equal(bytes.length, 1 << 20);
  const at = core.heapBase();
  assert.ok(at >= 64 * 1024 && at < 128 * 1024, `${at}`);
  data.setUint32(at, 0xcafe_f00d);
  assert.equal(core.be32(at) >>> 0, 0xcafe_f00d);
});

test('an address beyond the memory is an error, and not the end', () => {
  const { core } = new CoreModule<Primitives>('primitives', 1 << 20);
  assert.throws(() => core.be32((1 << 20) - 3), WebAssembly.RuntimeError);
  assert.throws(() => core.be32(0xffff_ffff), WebAssembly.RuntimeError);
});

test('a null address is an error, and on arm64, where V8 does not catch it before Node 22, the end; never memory', {
  skip,
}, () => {
  const script = `import('${new URL('./core-module.js', import.meta.url)}').then(({ CoreModule }) => {
    const { core } = new CoreModule('primitives', 1 << 20);
    try { console.log(core.be32(0)); } catch (error) { console.log(error.constructor === WebAssembly.RuntimeError); }
  })`;
  const { stdout, signal } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  if (process.arch === 'arm64' && signal === 'SIGSEGV') return;
  assert.deepEqual([stdout, signal], ['true\n', null]);
});

test('more than the core can address is refused', () => {
  assert.throws(() => new CoreModule('primitives', 2 ** 32 + 1), RangeError);
});

// On arm64 Node 20's V8 checks addresses itself, and reserves none beyond the memory.
test('a host without addresses to spare is told so', {
  skip: skip || (process.arch !== 'x64' && 'V8 reserves addresses on x64'),
}, () => {
  const script = `import('${new URL('./core-module.js', import.meta.url)}').then(({ CoreModule }) => {
    try { new CoreModule('primitives', 1 << 20); } catch (error) { console.log(error.message); }
  })`;
  const limited = spawnSync('sh', ['-c', 'ulimit -v 6000000 && exec "$0" -e "$1"', process.execPath, script]);
  assert.match(limited.stdout.toString(), /ulimit -v unlimited/);
});
