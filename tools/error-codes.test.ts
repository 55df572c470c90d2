// Errors have a code that stays (docs/errors.md): each that the library throws or the command line says. What has none is a defect, whose stack is
// shown, or never leaves the module that catches it: those are counted here, file by file. That the page lists the codes: documents.test.ts.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from './tidy.js';

/** Not of the library, or compiled to WebAssembly, or bundled into pages, or the compiler of images, which the build alone calls. */
const apart = /^(?:core|compile|ui)\/|\/page\/|\/fake(?:-[\w-]+)?\.ts$|\.test\.ts$/;

const sources: ReadonlyMap<string, string> = new Map(
  readdirSync(join(repositoryRoot, 'src'), { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.ts') && !apart.test(name))
    .sort()
    .map((name) => [name, readFileSync(join(repositoryRoot, 'src', name), 'utf8')]),
);

/** An error without a class of its own, and whether it is given a code where it is made. */
const plain = /(?<given>(?:coded\(\s*'[A-Z_]+',|Object\.assign\()\s*)?\bnew (?:Error|TypeError|RangeError)\(/g;

/** How many have none. */
const withoutCode: Readonly<Record<string, number>> = {
  // Invariants: whoever sees one reports it.
  'audio/pump/shared-layout.ts': 1,
  'bpf/ring-buffer.ts': 1,
  'bypass/bypass-engine.ts': 1,
  'bypass/stack-rows.ts': 1,
  'bypass/stack.ts': 1,
  'journey/durations.ts': 1,
  'kernel/memory.ts': 1,
  'media/film-tables.ts': 1,
  'media/presentation/cut-core.ts': 1,
  'media/progressive/virtual-file.ts': 1,
  'media/samples.ts': 1,
  'memory/copy.ts': 7,
  'memory/core-instance.ts': 1,
  'memory/frame-pool.ts': 2,
  'meter/functions/target.ts': 2,
  'serve/file-table.ts': 1,
  'serve/head-writer.ts': 1,
  // Caught, and told as another: SourceError, RecordingError, UsageError, PageError.
  'audio/sources/flac-library.ts': 1,
  'audio/sources/output.ts': 1,
  'audio/sources/sndfile-library.ts': 3,
  'meter/export/otlp.ts': 1,
  'meter/export/recording.ts': 1,
  'pages/page-files.ts': 1,
  // What an application threw that is no error.
  'pages/page-protocol.ts': 1,
};

test('each plain error has a code, but for those that never reach anybody', () => {
  const found: Record<string, number> = {};
  for (const [name, text] of sources) {
    const bare = [...text.matchAll(plain)].filter(({ groups }) => groups?.['given'] === undefined).length;
    if (bare > 0) found[name] = bare;
  }
  assert.deepEqual(found, Object.fromEntries(Object.entries(withoutCode).sort(([a], [b]) => (a < b ? -1 : 1))));
});

/** Classes of errors without a code: told apart by another mark, or caught by whoever asked. */
const classesWithoutCode = [
  // `status`, as the errors of Express, connect and Fastify have it; a code would stand in Fastify's answers.
  'HttpError',
  // Of one module's making and catching.
  'BoxError',
  'BoxRoomError',
  'ColdRead',
  'Refusal',
  'SubtitleRefusal',
  'TableError',
];

test('each class of errors has a code, but for those that never reach anybody', () => {
  const found = [...sources.values()].flatMap((text) =>
    [...text.matchAll(/^(?:export )?class (\w+) extends (?:Type|Range)?Error\b[^{]*\{(\}|[\s\S]*?\n\})/gm)]
      .filter(([, , body]) => !/\bcode\b(?:: [^;=]*)?(?: = '|;)/.test(body!))
      .map(([, name]) => name!),
  );
  assert.deepEqual(found.sort(), [...classesWithoutCode].sort());
});
