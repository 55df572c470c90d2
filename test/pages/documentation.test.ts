// The examples of docs/pages.md, run as they stand there: each is a program, started with its own imports and asked once.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, doorClosed } from './doors.js';

const root = new URL('../../../', import.meta.url);
const pages = new URL('dist/src/pages/index.js', root).href;
const document = readFileSync(new URL('docs/pages.md', root), 'utf8');
const examples = [...document.matchAll(/```js\n([\s\S]*?)```/g)].map((match) => match[1]!);

/** What each example answers; `target` is asked for. */
const expected = [
  {
    target: '/?topic=%3CCity%3E',
    body: '<!doctype html><title>News</title><h1>&lt;City&gt;</h1><ol>old</ol><footer>...</footer>',
  },
  {
    target: '/?name=A%26B',
    body:
      '<!doctype html><title>A&amp;B</title><h1>Good day, A&amp;B</h1><p>Rain &amp; sun</p>' +
      '<small>All weather reserved.</small>',
  },
  { target: '/', body: 'top\n<ol>old</ol>bottom\n' },
] as const;

test('every example of the documentation runs', { skip: doorClosed('epoll') }, async () => {
  assert.equal(examples.length, expected.length);
  const directory = mkdtempSync(join(tmpdir(), 'clearway-pages-'));
  try {
    writeFileSync(join(directory, 'archive.html'), '<ol>old</ol>');
    for (const [index, example] of examples.entries()) {
      const program = join(directory, `example${index}.mjs`);
      assert.match(example, /8080/);
      const portIs =
        "\nconst told = () => console.log(`port:${server.url?.split(':').pop() ?? server.address().port};`);\n";
      const when = "if (server.url) told(); else server.once('listening', told);\n";
      const text = example.replace("'clearway/pages'", JSON.stringify(pages)).replace('8080', '0');
      writeFileSync(program, text + portIs + when);
      const { target, body } = expected[index]!;
      const { port, end } = await start(program, directory);
      try {
        const answer = await ask(port, { target });
        assert.equal(answer.status, 200);
        assert.equal(answer.body.toString(), body);
      } finally {
        await end();
      }
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

function start(program: string, cwd: string): Promise<{ port: number; end: () => Promise<unknown> }> {
  const child = spawn(process.execPath, [program], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const end = (): Promise<unknown> => {
    child.kill('SIGKILL');
    return ended;
  };
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const match = /port:(\d+);/.exec(said);
      if (match !== null) resolve({ port: Number(match[1]), end });
    });
    child.once('exit', (status) => reject(new Error(`the example ended with ${status}: ${said}`)));
  });
}
