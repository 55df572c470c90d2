// The repository's pages against the code: commands and options in both READMEs exist, links lead somewhere, and every error of
// docs/errors.md is one that the code can say. Not here: figures in docs/, which the programs that write them check.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { copyReasonNames } from '../src/memory/copy.js';
import { causeNames, tierSees } from '../src/meter/accounts/causes.js';
import { repositoryRoot } from './tidy.js';

const readmes = ['README.md', 'README.zh-CN.md'];
const pages = [
  ...['README.md', 'README.zh-CN.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'],
  ...readdirSync(join(repositoryRoot, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

function read(path: string): string {
  return readFileSync(join(repositoryRoot, path), 'utf8');
}

const helps = new Map<string, string>();

/** The help of `clearway`, or of one of its commands. */
function helpOf(command: string): string {
  let help = helps.get(command);
  if (help === undefined) {
    const main = join(repositoryRoot, 'dist/src/cli/main.js');
    const asked = [main, ...command.split(' ').filter((word) => word !== ''), '--help'];
    const { status, stdout, stderr } = spawnSync(process.execPath, asked, { encoding: 'utf8' });
    assert.equal(status, 0, `clearway ${command} --help: ${stderr}`);
    help = stdout;
    helps.set(command, help);
  }
  return help;
}

/** `clearway COMMAND ...` wherever it is code: a line of a shell block up to its comment, or between backticks. */
function clearwayLines(text: string): string[] {
  const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) => block!.split('\n'));
  const spans = [...text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/`([^`\n]+)`/g)].map(([, span]) => span!);
  return [...blocks, ...spans]
    .map((line) => line.replace(/ +#.*$/, '').trim())
    .filter((line) => /^clearway [a-z]/.test(line));
}

for (const page of readmes) {
  test(`${page}: each command and each of its options exists, and so does each npm script`, () => {
    const text = read(page);
    const lines = clearwayLines(text);
    assert.ok(lines.length >= 10, 'the page shows the commands');
    for (const line of lines) {
      const command = line.split(' ')[1]!;
      assert.match(helpOf(''), new RegExp(`^  ${command} `, 'm'), line);
      // What stands behind a lone -- is another program's.
      for (const [option] of line.split(' -- ')[0]!.matchAll(/--[a-z][a-z-]*/g)) {
        assert.ok(helpOf(command).includes(option), `${line}: there is no ${option}`);
      }
    }
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    for (const [, script] of text.matchAll(/npm run ([\w:-]+)/g)) {
      assert.ok(scripts[script!] !== undefined, `npm run ${script}`);
    }
  });
}

test('both READMEs show the same commands and lead to the same pages', () => {
  const [english, chinese] = readmes.map(read) as [string, string];
  const linked = (text: string) =>
    [...new Set([...text.matchAll(/\]\(((?:docs\/)?[A-Za-z-]+\.md)/g)].map(([, path]) => path!))]
      .filter((path) => !path.startsWith('README'))
      .sort();
  assert.deepEqual(clearwayLines(chinese).sort(), clearwayLines(english).sort());
  assert.deepEqual(linked(chinese), linked(english));
  const missing = pages.filter((page) => page.startsWith('docs/') && !linked(english).includes(page));
  assert.deepEqual(missing, [], 'the index has every page of docs/');
});

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/^#+ (.+)$/gm)];
  return new Set(
    headings.map(([, words]) =>
      words!
        .toLowerCase()
        .replaceAll(/[^\p{Letter}\p{Number}\- _]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

test('links between the pages lead to files and headings that are there', () => {
  const broken = pages.flatMap((page) => {
    const text = read(page).replaceAll(/```[\s\S]*?```/g, '');
    return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target]) => {
      if (/^[a-z]+:/.test(target!)) return [];
      const [path = '', anchor] = target!.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(repositoryRoot, file))) return [`${page}: ${target}`];
      const found = anchor === undefined || !file.endsWith('.md') || anchorsOf(read(file)).has(anchor);
      return found ? [] : [`${page}: ${target}`];
    });
  });
  assert.deepEqual(broken, []);
});

/** What ships, with sentences that are broken over lines put together. */
function sources(): string {
  return readdirSync(join(repositoryRoot, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => read(join('src', name)))
    .join('\n')
    .replaceAll(/['`] \+\n\s*['`]/g, '');
}

test('docs/errors.md: every code of the library and nothing else; every sentence is in the code', () => {
  const code = sources();
  const text = read('docs/errors.md');
  const given = /(?:\bcode(?:: [^;=]*?)? (?:=|===) |coded\(\s*)'(CLEARWAY_\w+)'/g;
  const codes = new Set([...code.matchAll(given)].map(([, name]) => name!));
  assert.ok(codes.size >= 10);
  const listed = new Set([...text.matchAll(/^\| `(CLEARWAY_\w+)`/gm)].map(([, name]) => name!));
  assert.deepEqual(
    [...codes].filter((name) => !listed.has(name)),
    [],
  );
  assert.deepEqual(
    [...listed].filter((name) => !code.includes(`'${name}'`)),
    [],
  );
  const sentences = [...text.matchAll(/^\| `((?!CLEARWAY)[^`]+)` \|/gm)].map(([, sentence]) => sentence!);
  assert.ok(sentences.length > 20);
  const unknown = sentences.flatMap((sentence) => sentence.split(/…(?:[;:] )?/).filter((part) => !code.includes(part)));
  assert.deepEqual(unknown, []);
});

test('docs/meter.md: every counter of the meter, those of one tier in its column, and every reason of a copy', () => {
  const text = read('docs/meter.md');
  const part = (heading: string): string => text.split(`\n### ${heading}\n`)[1]!.split(/\n##+ /)[0]!;
  const counters = [...part('The counters').matchAll(/`([a-zA-Z]+)`/g)]
    .map(([, name]) => name!)
    .filter((name) => !['counters', 'cause'].includes(name));
  assert.deepEqual(counters.sort(), [...causeNames].sort());
  const rows = [...part('The counters').matchAll(/^\| [^`|]+ \|([^|]*)\|([^|]*)\|$/gm)];
  assert.ok(rows.length >= 6);
  for (const [, anyTier, functionTier] of rows) {
    for (const [, name] of anyTier!.matchAll(/`([a-zA-Z]+)`/g))
      assert.ok(tierSees('tracepoints', name as (typeof causeNames)[number]), name);
    for (const [, name] of functionTier!.matchAll(/`([a-zA-Z]+)`/g))
      assert.ok(!tierSees('tracepoints', name as (typeof causeNames)[number]), name);
  }
  const reasons = [...part('What Clearway copies itself').matchAll(/^\| `([a-zA-Z]+)` \|/gm)].map(([, name]) => name!);
  assert.deepEqual(reasons.filter((name) => name !== 'reason').sort(), [...copyReasonNames].sort());
});

test('CONTRIBUTING.md and continuous integration name the run of all tests, and it has those of the whole product', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  assert.equal(scripts['test:all'], 'node tools/npm-test.mjs --all');
  assert.match(read('.ci/run'), /^timeout .* npm run --silent test:all$/m);
  const text = read('CONTRIBUTING.md');
  for (const words of ['`npm run test:all`', '`*.whole.test.ts`']) assert.ok(text.includes(words), words);
});
