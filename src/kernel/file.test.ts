import assert from 'node:assert/strict';
import { spawnSync as spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { becomesCold } from '../../test/support/page-cache.js';
import { Errno } from './errno.js';
import { platformIsLinux } from './ffi.js';
import * as file from './file.js';
import { pageBytes, scratch } from './memory.js';
import { closeDescriptor } from './socket.js';
import { SystemError } from './system-error.js';
import { walkBeneath } from './walk-beneath.js';

const skip = platformIsLinux ? false : 'needs Linux';
const base = fs.mkdtempSync(join(tmpdir(), 'clearway-file-'));
after(() => fs.rmSync(base, { recursive: true, force: true }));

function makeTree(): number {
  const root = fs.mkdtempSync(join(base, 'root-'));
  fs.mkdirSync(join(root, 'sub/deep'), { recursive: true });
  fs.writeFileSync(join(base, 'secret'), 'secret');
  fs.writeFileSync(join(root, 'a.txt'), 'inside');
  fs.writeFileSync(join(root, 'sub/b.txt'), 'deeper');
  fs.writeFileSync(join(root, 'ünïcødé €.txt'), 'name');
  const links: Record<string, string> = {
    'in-link': 'a.txt',
    'in-dir-link': 'sub',
    'up-and-in': 'sub/../a.txt',
    'out-link': '../secret',
    'absolute-link': join(base, 'secret'),
    'absolute-in': join(root, 'a.txt'),
    'out-dir-link': '..',
    'root-link': '/',
    loop: 'loop',
    'proc-link': '/proc/self/root/etc/passwd',
    dangling: 'nowhere',
  };
  for (const [name, target] of Object.entries(links)) fs.symlinkSync(target, join(root, name));
  fs.symlinkSync('../../../secret', join(root, 'sub/deep/far-out'));
  return file.openRoot(root);
}

/** The two ways of {@link file.openBeneath}: the kernel's walk, and the one by hand where that is refused. */
const openers = {
  openat2: file.openBeneath,
  'by hand': (root: number, path: string, links: file.LinkPolicy) =>
    walkBeneath(root, Buffer.from(path).toString('latin1'), links === 'beneath'),
};

for (const [name, open] of Object.entries(openers)) {
  describe(`opening beneath a root, ${name}`, { skip }, () => {
    function outcome(root: number, path: string, links: file.LinkPolicy): string {
      const fd = open(root, path, links);
      if (fd < 0) return Object.entries(Errno).find(([, value]) => value === -fd)![0];
      try {
        return fs.fstatSync(fd).isDirectory() ? 'directory' : fs.readFileSync(fd, 'utf8');
      } finally {
        closeDescriptor(fd);
      }
    }

    test('what is inside opens, what leads out does not, whatever the form', () => {
      const root = makeTree();
      const expected: Record<string, readonly [string, string]> = {
        // path: [links beneath, links refused]
        'a.txt': ['inside', 'inside'],
        './a.txt': ['inside', 'inside'],
        'sub//b.txt': ['deeper', 'deeper'],
        'sub/../a.txt': ['inside', 'inside'],
        '': ['directory', 'directory'],
        sub: ['directory', 'directory'],
        'sub/': ['directory', 'directory'],
        'a.txt/': ['ENOTDIR', 'ENOTDIR'],
        'a.txt/b': ['ENOTDIR', 'ENOTDIR'],
        'ünïcødé €.txt': ['name', 'name'],
        nothing: ['ENOENT', 'ENOENT'],
        '..': ['EXDEV', 'EXDEV'],
        '../secret': ['EXDEV', 'EXDEV'],
        'sub/../../secret': ['EXDEV', 'EXDEV'],
        'sub/deep/../../../secret': ['EXDEV', 'EXDEV'],
        [join(base, 'secret')]: ['EXDEV', 'EXDEV'],
        '/etc/passwd': ['EXDEV', 'EXDEV'],
        'in-link': ['inside', 'ELOOP'],
        'in-dir-link/b.txt': ['deeper', 'ELOOP'],
        'up-and-in': ['inside', 'ELOOP'],
        'out-link': ['EXDEV', 'ELOOP'],
        'absolute-link': ['EXDEV', 'ELOOP'],
        // Absolute, though it leads inside: refused, because the kernel resolves it from its own root.
        'absolute-in': ['EXDEV', 'ELOOP'],
        'out-dir-link/secret': ['EXDEV', 'ELOOP'],
        'root-link/etc/passwd': ['EXDEV', 'ELOOP'],
        'proc-link': ['EXDEV', 'ELOOP'],
        'sub/deep/far-out': ['EXDEV', 'ELOOP'],
        loop: ['ELOOP', 'ELOOP'],
        dangling: ['ENOENT', 'ELOOP'],
      };
      for (const [path, [beneath, refuse]] of Object.entries(expected)) {
        assert.equal(outcome(root, path, 'beneath'), beneath, `${path}, links beneath`);
        assert.equal(outcome(root, path, 'refuse'), refuse, `${path}, no links`);
      }
      closeDescriptor(root);
    });

    test('magic links of /proc are no way out', () => {
      const root = file.openRoot('/proc/self');
      for (const path of ['root', 'cwd', 'exe', 'root/etc/passwd']) {
        const fd = open(root, path, 'beneath');
        assert.ok(fd === -Errno.ELOOP || fd === -Errno.EXDEV, `${path}: ${fd}`);
      }
      closeDescriptor(root);
    });

    test('a FIFO does not block, a long name is an error, a NUL and an overlong path are refused', () => {
      const root = makeFifo();
      const fd = open(root, 'fifo', 'refuse');
      assert.ok(fd >= 0);
      closeDescriptor(fd);
      assert.equal(open(root, 'x'.repeat(300), 'refuse'), -Errno.ENAMETOOLONG);
      for (const path of ['x/'.repeat(2048), 'x'.repeat(4097), '€'.repeat(2000), 'sub\0b', '\0', 'a'.repeat(1e6)]) {
        assert.equal(file.openBeneath(root, path, 'refuse'), -Errno.ENAMETOOLONG, path.slice(0, 10));
      }
      assert.throws(() => file.openRoot('a\0b'), RangeError);
      closeDescriptor(root);
    });

    test('a path of the longest kind, of characters of three bytes each, opens what it names', () => {
      const root = file.openRoot(base);
      const name = '€'.repeat(80);
      fs.mkdirSync(join(base, name), { recursive: true });
      fs.writeFileSync(join(base, name, 'file'), 'long');
      const path = `${`${name}/../`.repeat(15)}${name}/file`;
      assert.equal(outcome(root, path, 'refuse'), 'long');
      closeDescriptor(root);
    });
  });
}

describe('roots', { skip }, () => {
  test('a root must be a directory that is there', () => {
    const codes = { [join(base, 'nowhere')]: 'ENOENT', [process.execPath]: 'ENOTDIR' };
    for (const [path, code] of Object.entries(codes)) {
      assert.throws(
        () => file.openRoot(path),
        (error: unknown) => error instanceof SystemError && error.code === code && error.message.includes(path),
      );
    }
  });
});

function makeFifo(): number {
  const directory = fs.mkdtempSync(join(base, 'fifo-'));
  fs.mkdirSync(join(directory, 'sub'));
  // node:fs has no mkfifo.
  const { status } = spawn('mkfifo', [join(directory, 'fifo')]);
  assert.equal(status, 0);
  return file.openRoot(directory);
}

test('the walk by hand and openat2 agree on any path through any tree', { skip }, () => {
  const names = ['a', 'b', 'c'] as const;
  const part = fc.constantFrom(...names, '.', '..', '');
  const path = fc.array(part, { minLength: 1, maxLength: 7 }).map((parts) => parts.join('/'));
  const text = fc
    .oneof(
      path,
      path.map((each) => `/${each}`),
    )
    .filter((each) => each !== '');
  const where = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
  const kind = fc.oneof(
    fc.constant('folder'),
    fc.constant('file'),
    text.map((each) => ({ text: each })),
  );
  const trees = fc.array(fc.tuple(where, kind), { maxLength: 9 });
  fc.assert(
    fc.property(trees, fc.array(path, { minLength: 1, maxLength: 12 }), (entries, paths) => {
      const directory = fs.mkdtempSync(join(base, 'tree-'));
      for (const [at, what] of entries) {
        try {
          if (what === 'folder') fs.mkdirSync(join(directory, at));
          else if (what === 'file') fs.writeFileSync(join(directory, at), at);
          else fs.symlinkSync(what.text, join(directory, at));
        } catch {
          // Its folder is not there, or the name is taken: the tree is a smaller one.
        }
      }
      const root = file.openRoot(directory);
      try {
        for (const each of paths) {
          for (const links of ['refuse', 'beneath'] as const) {
            const [kernel, hand] = [openers.openat2(root, each, links), openers['by hand'](root, each, links)];
            if (kernel < 0 || hand < 0) assert.equal(hand, kernel, `${each}, ${links}`);
            else assert.equal(fs.fstatSync(hand).ino, fs.fstatSync(kernel).ino, `${each}, ${links}`);
            for (const fd of [kernel, hand]) if (fd >= 0) closeDescriptor(fd);
          }
        }
      } finally {
        closeDescriptor(root);
        fs.rmSync(directory, { recursive: true });
      }
    }),
    { numRuns: 1000 },
  );
});

describe('what a descriptor says of its file', { skip }, () => {
  test('statx agrees with node:fs', () => {
    const path = join(base, 'status');
    fs.writeFileSync(path, 'x'.repeat(12345));
    const status = file.emptyFileStatus();
    const times: ReadonlyArray<readonly [number, number]> = [
      [1_700_000_000, 123_456_789],
      [0, 0],
      [-5, 0],
      [5_000_000_000, 1],
    ];
    for (const [seconds, nanoseconds] of times) {
      fs.utimesSync(path, seconds, seconds + nanoseconds / 1e9);
      for (const each of [path, base, '/dev/null']) {
        const fd = fs.openSync(each, 'r');
        assert.equal(file.fileStatus(fd, status), 0);
        const known = fs.fstatSync(fd, { bigint: true });
        assert.equal(BigInt(status.size), known.size);
        assert.equal(BigInt(status.mode), known.mode);
        assert.equal(BigInt(status.inode), known.ino);
        const sinceEpoch = BigInt(status.mtimeSeconds) * 1_000_000_000n + BigInt(status.mtimeNanoseconds);
        assert.equal(sinceEpoch, known.mtimeNs, `${each} at ${seconds}`);
        fs.closeSync(fd);
      }
    }
    assert.equal(file.fileStatus(-1, status), -Errno.EBADF);
  });

  test('two files differ in inode or device; one file under two descriptors does not', () => {
    const identity = (path: string): string => {
      const fd = fs.openSync(path, 'r');
      const status = file.emptyFileStatus();
      file.fileStatus(fd, status);
      fs.closeSync(fd);
      return `${status.device} ${status.inode}`;
    };
    assert.equal(identity('/dev/null'), identity('/dev/null'));
    assert.equal(new Set(['/dev/null', '/dev/zero', '/proc/self/stat', '/', base].map(identity)).size, 5);
  });

  test('a size over 4 GiB is exact, and its end can be read', () => {
    const path = join(base, 'sparse');
    const fd = fs.openSync(path, 'w+');
    const size = 5 * 2 ** 32 + 12345;
    fs.ftruncateSync(fd, size);
    fs.writeSync(fd, 'end', size - 3);
    const status = file.emptyFileStatus();
    file.fileStatus(fd, status);
    assert.equal(status.size, size);
    const place = scratch(16);
    assert.equal(file.readAt(fd, place.address, 10, size - 3), 3);
    assert.equal(Buffer.from(place.bytes.subarray(place.offset, place.offset + 3)).toString(), 'end');
    assert.equal(file.readCached(fd, scratch(16).address, 10, size - 3), 3);
    assert.equal(file.cachedPages(fd, size - 3, 3), 1);
    fs.closeSync(fd);
    fs.rmSync(path);
  });

  test('only file systems of other hosts are remote, and those that do not say what they are', () => {
    const fd = fs.openSync(base, 'r');
    assert.equal(file.isRemoteFileSystem(fd), false);
    fs.closeSync(fd);
    assert.equal(file.isRemoteFileSystem(-1), true);
  });
});

describe('the page cache', { skip }, () => {
  test('a hot file is counted and read at once; a cold one is neither, until it was read ahead', async (t) => {
    const path = join(base, 'pages');
    const pages = 64;
    const bytes = pages * pageBytes();
    fs.writeFileSync(path, Buffer.alloc(bytes, 'x'), { flush: true });
    const fd = fs.openSync(path, 'r');
    const { address } = scratch(64);
    assert.equal(file.readCached(fd, address, 64, bytes - 10), 10, 'bytes up to the end');
    assert.equal(file.readCached(fd, address, 64, bytes), 0, 'the end');
    const hot = file.cachedPages(fd, 0, bytes);
    if (hot === -Errno.ENOSYS) t.diagnostic('no cachestat before Linux 6.5');
    else assert.equal(hot, pages);
    if (!becomesCold(fd, bytes)) {
      t.diagnostic(`pages of ${base} cannot be dropped`);
      fs.closeSync(fd);
      return;
    }
    // Asking begins to read the page that is asked for, and it may be there before the answer.
    assert.ok([-Errno.EAGAIN, 64].includes(file.readCached(fd, address, 64, bytes / 2)));
    assert.equal(file.readAhead(fd, 0, bytes), 0);
    for (let wait = 0; file.readCached(fd, address, 64, bytes / 2) < 0 && wait < 20_000; wait++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.equal(file.readCached(fd, address, 64, bytes / 2), 64);
    fs.closeSync(fd);
  });

  test('what cannot be asked says so by errno', () => {
    assert.equal(file.readCached(-1, scratch(16).address, 1, 0), -Errno.EBADF);
    assert.equal(file.cachedPages(-1, 0, 1), -Errno.EBADF);
    assert.equal(file.readAhead(-1, 0, 1), -Errno.EBADF);
  });
});
