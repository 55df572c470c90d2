// Files that are there in codings alone: app.js.gz, and no app.js.

import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Server } from '../../../src/serve/server.js';
import { ask, type Response } from './client.js';
import { forEachEngine, patterned, startServer, TestSite } from './servers.js';

const large = gzipSync(patterned(300_000));
const files = {
  'app.js.gz': gzipSync('the script'),
  'all.css.gz': 'in gzip',
  'all.css.br': 'in br',
  'all.css.zst': 'in zstd',
  'only.svg.br': 'a picture in br',
  'large.bin.gz': large,
  'empty.js.gz': '',
  'app.5268c4c2.js.gz': 'hashed',
  'folder/index.html.gz': 'an index in gzip',
  'page.html.gz': 'a page in gzip',
  '.hidden.js.gz': 'hidden',
};

forEachEngine('files that are there in codings alone', (engine) => {
  const site = new TestSite(files);
  let server: Server;
  before(async () => {
    server = await startServer({ root: site.root, engine, cleanUrls: true });
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });

  /** The same by the quick path and by the general one, first and again. */
  const get = async (path: string, fields: readonly string[] = [], method = 'GET'): Promise<Response> => {
    const answers: Response[] = [];
    for (const accepts of [[], ['Accept: */*', 'Accept: */*'], []]) {
      answers.push(await ask(server.address, `${method} ${path}`, [...accepts, ...fields]));
    }
    for (const { status, fields: theirs, body } of answers) {
      assert.equal(status, answers[0]!.status, path);
      assert.deepEqual(body, answers[0]!.body);
      const names = (map: ReadonlyMap<string, string>): unknown => [...map].filter(([name]) => name !== 'date').sort();
      assert.deepEqual(names(theirs), names(answers[0]!.fields));
    }
    return answers[0]!;
  };

  test('who takes the coding gets it, with the type and a tag of its own', async () => {
    const { status, fields, body } = await get('/app.js', ['Accept-Encoding: gzip, deflate']);
    assert.equal(status, 200);
    assert.equal(gunzipSync(body).toString(), 'the script');
    assert.equal(fields.get('content-encoding'), 'gzip');
    assert.equal(fields.get('content-type'), 'text/javascript; charset=utf-8');
    assert.equal(fields.get('vary'), 'Accept-Encoding');
    for (const [accepts, text] of [
      ['gzip', 'in gzip'],
      ['br, gzip', 'in br'],
      ['zstd', 'in zstd'],
      ['gzip;q=0.9, zstd;q=0.5', 'in gzip'],
      ['*', 'in br'],
    ]) {
      assert.equal((await get('/all.css', [`Accept-Encoding: ${accepts}`])).text, text, accepts);
    }
    const tags = await Promise.all(
      ['gzip', 'br', 'zstd'].map(async (coding) =>
        (await get('/all.css', [`Accept-Encoding: ${coding}`])).fields.get('etag'),
      ),
    );
    assert.equal(new Set(tags).size, 3);
    const hashed = await get('/app.5268c4c2.js', ['Accept-Encoding: gzip']);
    assert.match(hashed.fields.get('cache-control')!, /immutable/);
  });

  test('who says nothing of codings gets what is decoded most, who takes none of them 406', async () => {
    assert.equal((await get('/all.css')).text, 'in gzip');
    assert.equal((await get('/only.svg')).fields.get('content-encoding'), 'br');
    for (const accepts of ['identity', 'deflate', 'br', 'gzip;q=0', 'gzip;q=0, *;q=0']) {
      const refused = await get('/app.js', [`Accept-Encoding: ${accepts}`]);
      assert.equal(refused.status, 406, accepts);
      assert.equal(refused.fields.get('vary'), 'Accept-Encoding');
      assert.equal(refused.fields.get('content-encoding'), undefined);
    }
    assert.equal((await get('/app.js', ['Accept-Encoding: identity'], 'HEAD')).status, 406);
  });

  test('ranges, revalidation, HEAD', async () => {
    const accepts = 'Accept-Encoding: gzip';
    const whole = await get('/large.bin', [accepts]);
    assert.deepEqual(whole.body, large);
    const tag = whole.fields.get('etag')!;
    assert.equal((await get('/large.bin', [accepts, `If-None-Match: ${tag}`])).status, 304);
    const part = await get('/large.bin', [accepts, 'Range: bytes=100-199', `If-Range: ${tag}`]);
    assert.equal(part.status, 206);
    assert.deepEqual(part.body, large.subarray(100, 200));
    assert.equal(part.fields.get('content-range'), `bytes 100-199/${large.length}`);
    assert.equal((await get('/large.bin', [accepts, 'Range: bytes=9999999-'])).status, 416);
    const head = await get('/large.bin', [accepts], 'HEAD');
    assert.equal(head.fields.get('content-length'), String(large.length));
  });

  test('indexes and clean URLs; what is empty, hidden or a folder is not there', async () => {
    assert.equal((await get('/folder/', ['Accept-Encoding: gzip'])).text, 'an index in gzip');
    assert.equal((await get('/page', ['Accept-Encoding: gzip'])).text, 'a page in gzip');
    for (const path of ['/empty.js', '/.hidden.js', '/missing.js', '/app', '/app.js/', '/all']) {
      assert.equal((await get(path, ['Accept-Encoding: gzip'])).status, 404, path);
    }
    assert.equal((await get('/app.js.gz')).fields.get('content-encoding'), undefined);
  });

  test('what comes and goes is seen at once', async () => {
    const ask1 = (): Promise<Response> => get('/coming/x.js', ['Accept-Encoding: gzip']);
    assert.equal((await ask1()).status, 404);
    mkdirSync(site.at('coming'));
    assert.equal((await ask1()).status, 404);
    site.write('coming/x.js.gz', 'coded');
    assert.equal((await ask1()).text, 'coded');
    site.write('coming/x.js.gz', 'coded anew');
    assert.equal((await ask1()).text, 'coded anew');
    site.write('coming/x.js', 'the file itself');
    assert.equal((await ask1()).text, 'the file itself');
    rmSync(site.at('coming/x.js'));
    assert.equal((await ask1()).text, 'coded anew');
    utimesSync(site.at('coming/x.js.gz'), 1, 1);
    assert.equal((await ask1()).text, 'coded anew');
    rmSync(site.at('coming/x.js.gz'));
    assert.equal((await ask1()).status, 404);
    symlinkSync('../app.js.gz', site.at('coming/x.js.gz'));
    assert.deepEqual((await ask1()).body, files['app.js.gz']);
    symlinkSync('coming', site.at('linked'));
    assert.deepEqual((await get('/linked/x.js', ['Accept-Encoding: gzip'])).body, files['app.js.gz']);
  });
});
