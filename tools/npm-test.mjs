// `npm test [-- PATTERN...]`: from a fresh clone to the runner's closing counts in one command.
// A PATTERN keeps the test files whose path contains it.
import { readdirSync } from 'node:fs';
import { build, install, root, run } from './run.mjs';

install();
build();
const patterns = process.argv.slice(2);
const files = ['src', 'test', 'tools', 'bench']
  .flatMap((folder) =>
    readdirSync(`${root}dist/${folder}`, { recursive: true }).map((name) => `dist/${folder}/${name}`),
  )
  .filter(
    (name) => name.endsWith('.test.js') && (patterns.length === 0 || patterns.some((part) => name.includes(part))),
  )
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${patterns.join(' ')}`);
  process.exit(1);
}
if (patterns.length === 0) run(process.execPath, [`${root}node_modules/@biomejs/biome/bin/biome`, 'check', '.']);
run(process.execPath, ['--test', '--test-concurrency=2', ...files]);
