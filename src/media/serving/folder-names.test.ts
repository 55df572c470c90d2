// A folder is read once as long as nothing changes in it, and at most once a second where nobody would tell.

import assert from 'node:assert/strict';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { BeneathHost } from '../../serve/beneath.js';
import { FolderNames } from './folder-names.js';

const root = mkdtempSync(join(tmpdir(), 'clearway-folder-'));
after(() => rmSync(root, { recursive: true }));

const state = { opened: 0, generation: 0, nowMs: 0 };
const host = {
  site: {
    openPath: (path: string) => {
      state.opened++;
      return openSync(join(root, path), 'r');
    },
    lists: (name: string) => !name.startsWith('.'),
    generated: { isUnchanged: ({ generation }: { generation: number }) => generation === state.generation },
  },
  loop: {
    get nowMs() {
      return state.nowMs;
    },
  },
} as unknown as BeneathHost;

test('a folder is read anew when something changed in it', () => {
  for (const name of ['film.mp4', 'film.en.vtt', 'other.txt', '.film.de.vtt']) writeFileSync(join(root, name), '');
  const folders = new FolderNames(host);
  const now = () => ({ directory: 1, generation: state.generation });
  const folder = folders.of('film.mp4', now());
  assert.deepEqual([...folder.names].sort(), ['film.en.vtt', 'film.mp4']);
  assert.deepEqual(
    folder.sideCarsOf('film.mp4').map(({ id }) => id),
    ['s-en'],
  );
  assert.equal(folder.sideCarsOf('film.mp4'), folder.sideCarsOf('film.mp4'));
  for (let count = 0; count < 10; count++) assert.equal(folders.of('film.mp4', now()), folder);
  assert.equal(state.opened, 1);
  writeFileSync(join(root, 'film.fr.srt'), '');
  state.generation++;
  assert.equal(folders.of('film.mp4', now()).sideCarsOf('film.mp4').length, 2);
  assert.equal(state.opened, 2);
});

test('a folder that nobody watches is believed for a second', () => {
  const folders = new FolderNames(host);
  const unwatched = { directory: -1, generation: 0 };
  state.opened = 0;
  const folder = folders.of('film.mp4', unwatched);
  state.nowMs += 999;
  assert.equal(folders.of('film.mp4', unwatched), folder);
  state.nowMs += 1;
  assert.notEqual(folders.of('film.mp4', unwatched), folder);
  assert.equal(state.opened, 2);
});
