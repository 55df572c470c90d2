import assert from 'node:assert/strict';
import { constants } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { openDescriptors } from '../../test/support/open-descriptors.js';
import { MAP, PROT } from '../kernel/constants.js';
import { platformIsLinux } from '../kernel/ffi.js';
import { mapMemory, pageBytes, unmapMemory } from '../kernel/memory.js';
import { SystemError } from '../kernel/system-error.js';
import { Region } from './region.js';

const skip = platformIsLinux ? false : 'needs Linux';

function memoryFilesNamed(name: string): number {
  return openDescriptors(/^/).filter((link) => link.includes(name)).length;
}

test('an anonymous region is zero, rounded to pages, writable, and known by its address', { skip }, () => {
  const region = new Region(5000);
  assert.equal(region.byteLength, Math.ceil(5000 / pageBytes()) * pageBytes());
  assert.equal(region.address % pageBytes(), 0);
  assert.ok(region.bytes.every((byte) => byte === 0));
  region.data.setUint32(100, 0x01020304, true);
  assert.deepEqual([...region.bytes.subarray(100, 104)], [4, 3, 2, 1]);
  assert.equal(region.fd, -1);
  region.unmap();
  region.unmap();
});

test('populate changes nothing but when pages come', { skip }, () => {
  const page = pageBytes();
  const region = new Region(4 * page);
  region.bytes[page] = 7;
  region.populate(0, 3 * page);
  assert.deepEqual([region.bytes[0], region.bytes[page], region.bytes[3 * page]], [0, 7, 0]);
  region.unmap();
});

test('discard gives pages back: they read as zeros, their neighbours stay', { skip }, () => {
  const page = pageBytes();
  const region = new Region(3 * page);
  region.bytes.fill(7);
  region.discard(page, page);
  assert.ok(region.bytes.subarray(page, 2 * page).every((byte) => byte === 0));
  assert.ok(region.bytes.subarray(0, page).every((byte) => byte === 7));
  assert.ok(region.bytes.subarray(2 * page).every((byte) => byte === 7));
  region.unmap();
});

test('a memory file is shared: a second mapping of it sees the same bytes; unmap closes it', { skip }, () => {
  const name = 'clearway-region-test';
  const region = new Region(8192, { kind: 'memfd', name });
  assert.equal(memoryFilesNamed(name), 1);
  const other = mapMemory(8192, PROT.READ | PROT.WRITE, MAP.SHARED, region.fd);
  region.bytes[5000] = 42;
  assert.equal(new Uint8Array(other.buffer)[5000], 42);
  region.unmap();
  assert.equal(memoryFilesNamed(name), 0);
  const maps = (): number => readFileSync('/proc/self/maps', 'utf8').split(name).length - 1;
  assert.equal(maps(), 1, 'the other mapping alone');
  unmapMemory(other);
  assert.equal(maps(), 0);
});

test('huge pages come when they are reserved; else the error says how, and nothing dies of a signal', { skip }, () => {
  const script = `
    import { Region } from ${JSON.stringify(new URL('./region.js', import.meta.url).href)};
    try {
      const region = new Region(1, { kind: 'huge' });
      region.bytes[2 * 1024 * 1024 - 1] = 1;
      console.log('mapped', region.byteLength);
    } catch (error) {
      console.log(error.code, error.hint);
    }`;
  const { status, signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  assert.equal(signal, null);
  assert.equal(status, 0);
  assert.match(stdout, /^(mapped 2097152|ENOMEM .*vm\.nr_hugepages)/);
});

test('a locked region is locked', { skip }, () => {
  const region = new Region(pageBytes(), { locked: true });
  const entry = readFileSync('/proc/self/smaps', 'utf8').split(region.address.toString(16))[1]!;
  assert.match(entry, /Locked: +[1-9]\d* kB/);
  region.unmap();
});

test('over the limit of locked memory the error says what to do, and leaves no mapping and no file', { skip }, () => {
  const script = `
    import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
    import { Region } from ${JSON.stringify(new URL('./region.js', import.meta.url).href)};
    const left = () =>
      readFileSync('/proc/self/maps', 'utf8').includes('limit-test') ||
      readdirSync('/proc/self/fd').some((fd) => { try { return readlinkSync('/proc/self/fd/' + fd).includes('limit-test'); } catch { return false; } });
    const kept = new Region(4096, { kind: 'memfd', name: 'limit-test' });
    if (!left()) throw new Error('a region that is there is not seen');
    kept.unmap();
    // Root may lock what it likes.
    if (process.getuid() === 0) { process.setgid(65534); process.setuid(65534); }
    let said = 'locked';
    try {
      new Region(16 * 1024 * 1024, { locked: true, kind: 'memfd', name: 'limit-test' });
    } catch (error) {
      said = error.code + ' ' + error.message;
    }
    console.log(said);
    console.log(left() ? 'left something' : 'clean');`;
  const command = 'ulimit -l 64 && exec "$0" --input-type=module -e "$1"';
  const { stdout, stderr } = spawnSync('sh', ['-c', command, process.execPath, script], { encoding: 'utf8' });
  assert.match(stdout, /^(ENOMEM|EPERM|EAGAIN) .*ulimit -l.*\nclean\n$/s, stderr);
});

test('a region that cannot be mapped says so', { skip }, () => {
  assert.throws(
    () => new Region(2 ** 48, { seen: 4096 }),
    (error: unknown) => error instanceof SystemError && error.call === 'mmap' && error.code === 'ENOMEM',
  );
});

test('more than JavaScript can see at once is refused, and leaves nothing mapped', { skip }, () => {
  const mapped = (): number => readFileSync('/proc/self/maps', 'utf8').split('\n').length;
  const before = mapped();
  assert.throws(() => new Region(constants.MAX_LENGTH + 4096), { code: 'CLEARWAY_ARGUMENT' });
  // Node 20 sees 4 GiB, later ones more than a file can have.
  if (constants.MAX_LENGTH < 2 ** 33) {
    assert.throws(() => new Region(2 ** 33, { kind: 'memfd' }), { code: 'CLEARWAY_ARGUMENT' });
    const region = new Region(2 ** 33, { seen: 4096 });
    assert.throws(() => region.see(2 ** 33), { code: 'CLEARWAY_ARGUMENT' });
    region.unmap();
  }
  assert.equal(mapped(), before);
});

test('what JavaScript sees of a region grows, and is the same memory', { skip }, () => {
  const region = new Region(1 << 20, { seen: 8192 });
  assert.deepEqual([region.byteLength, region.buffer.byteLength], [1 << 20, 8192]);
  const earlier = region.bytes;
  earlier[8191] = 7;
  region.see(8192);
  assert.equal(region.bytes, earlier);
  region.see(8193);
  assert.ok(region.bytes.length > 8192 && region.data.byteLength === region.bytes.length);
  region.bytes[8191]!++;
  assert.deepEqual([earlier[8191], region.data.getUint8(8191)], [8, 8]);
  region.see(1 << 20);
  assert.equal(region.bytes.length, 1 << 20);
  region.bytes[(1 << 20) - 1] = 1;
  region.unmap();
});
