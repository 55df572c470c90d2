// Versions of files: two with one size and one time are told apart, encoded siblings that cannot be their file are not
// offered, and names are bytes. The inputs are from reports about file servers.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { after, before, test } from 'node:test';
import type { Server } from '../../../src/serve/server.js';
import { until } from '../../support/until.js';
import { ask } from './client.js';
import { forEachEngine, patterned, startServer, TestSite } from './servers.js';

const sizes = { small: 10, 'as large as a frame': 32 * 1024, large: 300_000 };
const releases = (size: number): [Buffer, Buffer] => [Buffer.alloc(size, 'a'), Buffer.alloc(size, 'b')];

/** Sets a time of modification to the nanosecond, which utimes(2) cannot. */
function setModified(path: string, seconds: string): void {
  execFileSync('touch', ['-m', '-d', `@${seconds}`, path]);
}

/** How a second version takes the place of the first: same size, same times. */
const switches: Readonly<Record<string, (site: TestSite, path: string, first: Buffer, second: Buffer) => () => void>> =
  {
    'a link that is led elsewhere': (site, path, first, second) => {
      const releasesOf = ['one', 'two'].map((name) => `${path}.releases/${name}`);
      site.write(`${releasesOf[0]}/file`, first);
      site.write(`${releasesOf[1]}/file`, second);
      for (const release of releasesOf) utimesSync(site.at(`${release}/file`), 1, 1);
      symlinkSync(site.at(`${releasesOf[0]}/file`), site.at(path));
      return () => {
        symlinkSync(`${basename(path)}.releases/two/file`, site.at(`${path}.new`));
        renameSync(site.at(`${path}.new`), site.at(path));
      };
    },
    'a rename': (site, path, first, second) => {
      site.write(path, first);
      site.write(`${path}.next`, second);
      for (const each of [path, `${path}.next`]) utimesSync(site.at(each), 1, 1);
      return () => renameSync(site.at(`${path}.next`), site.at(path));
    },
    'in place, its time put back': (site, path, first, second) => {
      site.write(path, first);
      utimesSync(site.at(path), 1, 1);
      return () => {
        site.write(path, second);
        utimesSync(site.at(path), 1, 1);
      };
    },
    'in place, its time put back to the second of now': (site, path, first, second) => {
      const now = Math.floor(Date.now() / 1000);
      site.write(path, first);
      utimesSync(site.at(path), now, now);
      return () => {
        site.write(path, second);
        utimesSync(site.at(path), now, now);
      };
    },
  };

forEachEngine('two versions with one size and one time', (engine) => {
  const site = new TestSite();
  let server: Server;
  before(async () => {
    server = await startServer({ root: site.root, engine });
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });

  let names = 0;
  for (const [how, prepare] of Object.entries(switches)) {
    for (const [named, size] of Object.entries(sizes)) {
      for (const kind of ['file', 'index', 'sibling']) {
        test(`${how}, ${named}, ${kind}`, async () => {
          const [first, second] = releases(size);
          const folder = `f${names++}`;
          const inner = kind === 'file' ? folder : kind === 'index' ? `${folder}/index.html` : `${folder}.js.br`;
          if (kind === 'sibling') {
            site.write(`${folder}.js`, 'the file itself');
            utimesSync(site.at(`${folder}.js`), 1, 1);
          }
          const change = prepare(site, inner, first, second);
          const path = kind === 'index' ? `/${folder}/` : kind === 'sibling' ? `/${folder}.js` : `/${folder}`;
          const accept = kind === 'sibling' ? ['Accept-Encoding: br'] : [];
          const old = await ask(server.address, `GET ${path}`, accept);
          assert.deepEqual(old.body, first);
          const tag = old.fields.get('etag')!;
          const date = old.fields.get('last-modified')!;
          change();
          const conditional = [
            [`If-None-Match: ${tag}`],
            [`If-None-Match: W/${tag}`],
            [`If-None-Match: "x", ${tag}`],
            ['Range: bytes=5-', `If-Range: ${tag}`],
            ['Range: bytes=5-', `If-Range: ${date}`],
            ['Range: bytes=5-', `If-Range: ${tag}`, `If-None-Match: ${tag}`],
          ];
          for (const fields of conditional) {
            const answer = await ask(server.address, `GET ${path}`, [...accept, ...fields]);
            assert.equal(answer.status, 200, fields.join('; '));
            assert.deepEqual(answer.body, second);
            assert.notEqual(answer.fields.get('etag'), tag);
            assert.equal(answer.fields.get('content-encoding'), kind === 'sibling' ? 'br' : undefined);
          }
          const head = await ask(server.address, `HEAD ${path}`, [...accept, `If-None-Match: ${tag}`]);
          assert.equal(head.status, 200);
          assert.notEqual(head.fields.get('etag'), tag);
          assert.equal((await ask(server.address, `GET ${path}`, [...accept, `If-Match: ${tag}`])).status, 412);
          // A large file that changed just now may have another tag each time it is looked at; then it keeps one.
          await new Promise((resolve) => setTimeout(resolve, 100));
          const fresh = (await ask(server.address, `GET ${path}`, [...accept])).fields.get('etag')!;
          assert.equal((await ask(server.address, `GET ${path}`, [...accept, `If-None-Match: ${fresh}`])).status, 304);
        });
      }
    }
  }
});

forEachEngine('files of which no time is known', (engine) => {
  const site = new TestSite();
  let server: Server;
  before(async () => {
    server = await startServer({ root: site.root, engine });
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });

  // Nix and Guix set 1, OSTree and image layers 0: a date that every version has.
  for (const seconds of [0, 1]) {
    for (const [named, size] of Object.entries(sizes)) {
      test(`of ${seconds}, ${named}: no Last-Modified, and no condition on a date holds`, async () => {
        const path = `f${seconds}-${size}`;
        const [first, second] = releases(size);
        const put = (content: Buffer): void => {
          site.write(path, content);
          utimesSync(site.at(path), seconds, seconds);
        };
        put(first);
        const old = await ask(server.address, `GET /${path}`);
        assert.equal(old.fields.get('last-modified'), undefined);
        put(second);
        const dates = [`Thu, 01 Jan 1970 00:00:0${seconds} GMT`, new Date().toUTCString()];
        for (const date of dates) {
          for (const field of ['If-Modified-Since', 'If-Unmodified-Since', 'Range: bytes=1-\r\nIf-Range']) {
            const answer = await ask(server.address, `GET /${path}`, `${field}: ${date}`.split('\r\n'));
            assert.deepEqual([answer.status, answer.body], [200, second], `${field}: ${date}`);
          }
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
        const tag = (await ask(server.address, `GET /${path}`)).fields.get('etag')!;
        for (const fields of [[`If-None-Match: ${tag}`], [`If-None-Match: ${tag}`, `If-Modified-Since: ${dates[1]}`]]) {
          const same = await ask(server.address, `GET /${path}`, fields);
          assert.deepEqual([same.status, same.fields.get('last-modified')], [304, undefined]);
        }
        const part = await ask(server.address, `GET /${path}`, ['Range: bytes=1-4', `If-Range: ${tag}`]);
        assert.deepEqual([part.status, part.fields.get('last-modified')], [206, undefined]);
      });
    }
  }
});

forEachEngine('siblings that cannot be their file', (engine) => {
  const site = new TestSite();
  let server: Server;
  const warnings: string[] = [];
  before(async () => {
    server = await startServer({ root: site.root, engine });
    server.on('warning', (message) => warnings.push(message));
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });
  const codings = { br: 'br', zst: 'zstd', gz: 'gzip' };

  for (const [extension, coding] of Object.entries(codings)) {
    test(`an empty .${extension} is not offered, and one that has content again is`, async () => {
      const path = `empty-${extension}.js`;
      site.write(path, 'the content');
      site.write(`${path}.${extension}`, '');
      const get = (): ReturnType<typeof ask> => ask(server.address, `GET /${path}`, [`Accept-Encoding: ${coding}`]);
      const answer = await get();
      assert.equal(answer.fields.get('content-encoding'), undefined);
      assert.equal(answer.text, 'the content');
      const ranged = await ask(server.address, `GET /${path}`, [`Accept-Encoding: ${coding}`, 'Range: bytes=0-2']);
      assert.equal(ranged.text, 'the');
      site.write(`${path}.${extension}`, 'encoded');
      assert.equal((await get()).text, 'encoded');
      assert.equal((await get()).fields.get('content-encoding'), coding);
      site.write(`${path}.${extension}`, '');
      assert.equal((await get()).text, 'the content');
    });

    test(`a .${extension} that is older than its file is not offered, and said once`, async () => {
      const path = `old-${extension}.js`;
      site.write(`${path}.${extension}`, 'of the build before');
      utimesSync(site.at(`${path}.${extension}`), 1000, 1000);
      site.write(path, 'the new build');
      const get = (): ReturnType<typeof ask> => ask(server.address, `GET /${path}`, [`Accept-Encoding: ${coding}`]);
      for (let time = 0; time < 3; time++) assert.equal((await get()).text, 'the new build');
      assert.equal(
        (await ask(server.address, `HEAD /${path}`, [`Accept-Encoding: ${coding}`])).fields.get('content-length'),
        '13',
      );
      const said = (): number => warnings.filter((message) => message.includes(`${path}.${extension}`)).length;
      await until('it is said', () => said() > 0);
      assert.equal(said(), 1);
      // As old as its file is new enough: builds set both times to one value.
      utimesSync(site.at(path), 1000, 1000);
      assert.equal((await get()).text, 'of the build before');
      utimesSync(site.at(path), 1000, 1000.001);
      assert.equal((await get()).text, 'the new build');
      // Compressors copy the time of the file, and some of them cut it to microseconds.
      setModified(site.at(path), '1000.123456999');
      setModified(site.at(`${path}.${extension}`), '1000.123456');
      assert.equal((await get()).text, 'of the build before');
      setModified(site.at(`${path}.${extension}`), '1000.12345');
      assert.equal((await get()).text, 'the new build');
      writeFileSync(site.at(`${path}.${extension}`), 'compressed again');
      assert.equal((await get()).text, 'compressed again');
      rmSync(site.at(`${path}.${extension}`));
      assert.equal((await get()).text, 'the new build');
    });
  }
});

forEachEngine('names that are not UTF-8', (engine) => {
  const site = new TestSite({ 'plain.txt': 'x' });
  let server: Server;
  const at = (path: string): Buffer => Buffer.concat([Buffer.from(`${site.root}/`), Buffer.from(path, 'latin1')]);
  before(async () => {
    mkdirSync(at('caf\xe9/inner \xff'), { recursive: true });
    for (const [path, content] of Object.entries({
      'latin1-\xe9.txt': 'one',
      'caf\xe9/\xfc.bin': 'two',
      'caf\xe9/inner \xff/index.html': 'three',
      'mixed-\xc3\xa9\xe9.js': 'four',
      'mixed-\xc3\xa9\xe9.js.br': 'four in br',
      '\xa5\xc0.txt': 'five',
    })) {
      writeFileSync(at(path), content);
    }
    server = await startServer({ root: site.root, engine, listing: true });
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });

  test('files, folders, siblings, by escapes in either case and as raw bytes', async () => {
    const bodies = {
      '/latin1-%E9.txt': 'one',
      '/latin1-%e9.txt': 'one',
      '/caf%E9/%FC.bin': 'two',
      '/caf%E9/inner%20%FF/': 'three',
      '/mixed-%C3%A9%E9.js': 'four',
    };
    for (const [path, body] of Object.entries(bodies)) {
      for (let time = 0; time < 2; time++) {
        assert.equal((await ask(server.address, `GET ${path}`)).text, body, path);
        assert.equal((await ask(server.address, `GET ${path}`, ['Accept: */*', 'Accept: */*'])).text, body, path);
      }
    }
    const encoded = await ask(server.address, 'GET /mixed-%C3%A9%E9.js', ['Accept-Encoding: br']);
    assert.equal(encoded.text, 'four in br');
    // Overlong forms stay refused: a name that begins with one is not there.
    for (const path of ['/%A5%C0%AF', '/%C0%AEcaf', '/caf%C3%A9/%FC.bin', '/latin1-%C3%A9.txt']) {
      assert.equal((await ask(server.address, `GET ${path}`)).status, 404, path);
    }
  });

  test('a folder is redirected to with its bytes', async () => {
    for (const path of ['/caf%E9', '/caf%E9/inner%20%FF']) {
      for (const query of ['', '?a=1']) {
        const { status, fields } = await ask(server.address, `GET ${path}${query}`);
        assert.equal(status, 301);
        assert.equal(fields.get('location'), `${path}/${query}`);
      }
    }
  });

  test('links of listings lead there', async () => {
    for (const [folder, count] of [
      ['/', 4],
      ['/caf%E9/', 2],
    ] as const) {
      const { text } = await ask(server.address, `GET ${folder}`);
      const links = [...text.matchAll(/href="([^"]+)"/g)]
        .map((match) => match[1]!)
        .filter((link) => link.includes('%'));
      assert.ok(links.length >= count, text);
      for (const link of links) {
        const { pathname } = new URL(link, `http://test${folder}`);
        assert.equal((await ask(server.address, `GET ${pathname}`)).status, 200, pathname);
      }
    }
  });

  test('changes of them are seen', async () => {
    for (const content of ['one', 'other']) {
      writeFileSync(at('caf\xe9/\xfe.bin'), content);
      assert.equal((await ask(server.address, 'GET /caf%E9/%FE.bin')).text, content);
    }
    assert.equal((await ask(server.address, 'GET /caf%E9/%FD.bin')).status, 404);
    writeFileSync(at('caf\xe9/\xfd.bin'), patterned(100_000));
    assert.deepEqual((await ask(server.address, 'GET /caf%E9/%FD.bin')).body, patterned(100_000));
  });
});
