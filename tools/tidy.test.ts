import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readProject } from './tidy/project.js';
import { readRatchet } from './tidy/ratchet.js';
import { checkProject, main, repositoryRoot } from './tidy.js';

test('the repository keeps its own law', () => {
  const project = readProject(repositoryRoot);
  assert.ok(project.sources.length > 10, 'the sources were found');
  const found = checkProject(project, readRatchet(repositoryRoot));
  assert.deepEqual(
    found.map(({ file, line, rule, message }) => `${file}:${line} ${rule} ${message}`),
    [],
  );
});

test('the command prints each violation with its place, and its status says whether there was one', (context) => {
  const root = mkdtempSync(join(tmpdir(), 'clearway-tidy-'));
  const printed: string[] = [];
  context.mock.method(console, 'log', (line: string) => printed.push(line));
  const write = (text: string) => writeFileSync(join(root, 'src/kernel/a.ts'), text);
  try {
    mkdirSync(join(root, 'src/kernel'), { recursive: true });
    write("// A header of enough words.\nimport { b } from '../ring/b.js';\n");
    assert.equal(main([root]), 1);
    assert.match(printed[0] ?? '', /^src\/kernel\/a\.ts:2 layers kernel\/ is below ring\//);
    assert.equal(printed.at(-1), 'tidy: 1 violation');
    write('// A header of enough words.\nexport const unused = 1;\n');
    assert.equal(main([root]), 1);
    assert.match(printed.at(-2) ?? '', /^src\/kernel\/a\.ts:2 dead-export unused/);
    write('// A header of enough words.\nexport {};\n');
    assert.equal(main([root]), 0);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
