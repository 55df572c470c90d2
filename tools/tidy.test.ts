import assert from 'node:assert/strict';
import { test } from 'node:test';
import { config } from './tidy/config.js';
import { readProject } from './tidy/project.js';
import { readRatchet } from './tidy/ratchet.js';
import { checkProject, repositoryRoot } from './tidy.js';

test('the repository keeps its own law', () => {
  const project = readProject(repositoryRoot);
  assert.ok(project.sources.length > 10, 'the sources were found');
  const found = checkProject(project, readRatchet(repositoryRoot)).filter(({ rule }) => !config.warnOnly.has(rule));
  assert.deepEqual(
    found.map(({ file, line, rule, message }) => `${file}:${line} ${rule} ${message}`),
    [],
  );
});
