import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Errno } from '../../kernel/errno.js';
import { SystemError } from '../../kernel/system-error.js';
import type { OpenFile } from '../../serve/open-files.js';
import type { Loop } from '../../transport/loop.js';
import { type FilmReading, FilmRefusal } from '../film.js';
import { KnownFiles, mostKnown } from './known-files.js';

interface Clip {
  readonly name: string;
  readonly bytes: number;
  readonly film: { readonly bytes: number } | undefined;
}

/** Clips that are kept up to 100 bytes, and who was let go of. */
function kept() {
  const due: Array<() => void> = [];
  const loop = { register() {}, unregister() {}, nextTurn: (work: () => void) => due.push(work) } as unknown as Loop;
  const file = { retain: () => file, release() {} } as unknown as OpenFile;
  const gone: string[] = [];
  const files = new KnownFiles<Clip>(
    loop,
    100,
    ({ bytes, film }) => ({ bytes, shared: film && { holder: film, bytes: film.bytes } }),
    ({ name }) => gone.push(name),
  );
  // biome-ignore lint/correctness/useYield: it needs nothing
  const read = function* (clip: Clip): FilmReading<Clip> {
    return clip;
  };
  const ask = (clip: Clip): void => {
    files.get({ identity: clip.name, file }, () => read(clip));
    for (let work = due.shift(); work !== undefined; work = due.shift()) work();
    assert.deepEqual(
      files.get({ identity: clip.name, file }, () => assert.fail('it is known')),
      { value: clip },
    );
  };
  return { files, ask, gone };
}

test('memory that several values hold counts once, until the last of them is gone', () => {
  const { files, ask, gone } = kept();
  const film = { bytes: 60 };
  for (const name of ['a', 'b', 'c', 'd']) ask({ name, bytes: 10, film });
  assert.deepEqual([files.kept.bytes, gone], [100, []]);
  ask({ name: 'e', bytes: 10, film });
  assert.deepEqual([files.kept.bytes, gone], [100, ['a']]);
  // Another film has no room beside this one's tables, which go with its last clip.
  ask({ name: 'f', bytes: 10, film: { bytes: 60 } });
  assert.deepEqual([files.kept.bytes, gone], [70, ['a', 'b', 'c', 'd', 'e']]);
  ask({ name: 'g', bytes: 30, film: undefined });
  assert.deepEqual([files.kept.bytes, gone.length], [100, 5]);
  files.clear();
  assert.deepEqual([files.kept.bytes, gone.length], [0, 7]);
  ask({ name: 'h', bytes: 10, film });
  assert.equal(files.kept.bytes, 70, 'what is shared counts anew');
});

test('however little they take, so many are known and no more', () => {
  const { files, ask, gone } = kept();
  for (let index = 0; index < mostKnown; index++) ask({ name: `${index}`, bytes: 0, film: undefined });
  ask({ name: '0', bytes: 0, film: undefined });
  assert.deepEqual([files.kept.files, gone], [mostKnown, []]);
  ask({ name: 'another', bytes: 0, film: undefined });
  assert.deepEqual([files.kept.files, gone], [mostKnown, ['1']]);
});

test('what was used least recently is let go of when it is asked for, as long as something is kept', () => {
  const { files, ask, gone } = kept();
  for (const name of ['a', 'b', 'c']) ask({ name, bytes: 10, film: undefined });
  ask({ name: 'a', bytes: 10, film: undefined });
  const dropped = [1, 2, 3, 4].map(() => files.dropOldest());
  assert.deepEqual(
    [dropped, gone],
    [
      [true, true, true, false],
      ['b', 'c', 'a'],
    ],
  );
  assert.deepEqual(files.kept, { files: 0, bytes: 0 });
});

test('who waited is told in a turn of its own, behind the one that read, and before what is known for that turn alone is forgotten', () => {
  for (const status of [503, 422]) {
    const due: Array<() => void> = [];
    const loop = { register() {}, unregister() {}, nextTurn: (work: () => void) => due.push(work) } as unknown as Loop;
    const file = { retain: () => file, release() {} } as unknown as OpenFile;
    const files = new KnownFiles<number>(loop, 100, () => ({ bytes: 1 }));
    // biome-ignore lint/correctness/useYield: it needs nothing
    const read = function* (): FilmReading<number> {
      throw new FilmRefusal('is odd', status);
    };
    const told: unknown[] = [];
    const known = files.get({ identity: 'a', file }, read);
    assert.ok('until' in known);
    known.until(() => told.push(files.get({ identity: 'a', file }, () => assert.fail('it is known'))));
    due.shift()!();
    assert.deepEqual(told, []);
    for (let work = due.shift(); work !== undefined; work = due.shift()) work();
    assert.deepEqual(told, [{ refusal: new FilmRefusal('is odd', status) }]);
    assert.equal(files.kept.files, status === 503 ? 0 : 1);
  }
});

test('memory that a reader cannot have is a refusal of its file, and the reader is told', () => {
  const due: Array<() => void> = [];
  const loop = { register() {}, unregister() {}, nextTurn: (work: () => void) => due.push(work) } as unknown as Loop;
  const file = {
    retain: () => file,
    release() {},
    get fd(): number {
      throw new SystemError(Errno.ENOMEM, 'mmap');
    },
  } as unknown as OpenFile;
  const files = new KnownFiles<number>(loop, 100, () => ({ bytes: 1 }));
  let wasTold = false;
  const read = function* (): FilmReading<number> {
    try {
      return (yield { offset: 0, length: 8 })!.length;
    } finally {
      wasTold = true;
    }
  };
  files.get({ identity: 'a', file }, read);
  due.shift()!();
  assert.ok(wasTold && !files.isReading);
  const known = files.get({ identity: 'a', file }, read);
  assert.ok('refusal' in known);
  assert.deepEqual([known.refusal.status, known.refusal.message], [503, 'needs more memory than there is']);
});
