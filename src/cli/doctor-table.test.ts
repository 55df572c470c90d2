import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { type Finding, probeGroups } from '../kernel/probe.js';
import { renderFindings } from './doctor-table.js';

const findings: Finding[] = [
  {
    ...{ id: 'io_uring', group: 'engine', what: 'io_uring', state: 'yes', detail: 'starts' },
    ...{ meaning: 'The engine of choice.', cost: null, remedy: null, facts: {} },
  },
  {
    ...{ id: 'ktls', group: 'sockets', what: 'kernel TLS', state: 'no', detail: 'TCP_ULP does not know tls' },
    ...{ meaning: 'Bodies leave encrypted.', cost: 'two copies of every byte', remedy: 'sudo modprobe tls', facts: {} },
  },
  {
    ...{ id: 'memlock', group: 'memory', what: 'memory-lock limit', state: 'limited', detail: '64 KiB' },
    ...{ meaning: 'How much may be pinned.', cost: 'few pages', remedy: 'ulimit -l unlimited', facts: {} },
  },
];

test('the table as it is read', () => {
  assert.equal(
    renderFindings(findings, 'uring', { columns: 80, colour: false }),
    `Engine
  yes      io_uring           starts.
                              The engine of choice.

Sockets
  no       kernel TLS         TCP_ULP does not know tls.
                              Bodies leave encrypted.
                              costs: two copies of every byte
                              fix: sudo modprobe tls

Memory and limits
  limited  memory-lock limit  64 KiB.
                              How much may be pinned.
                              costs: few pages
                              fix: ulimit -l unlimited

1 yes, 1 limited, 1 no. --engine auto takes io_uring here.
`,
  );
});

test('without an engine the last line says so', () => {
  assert.match(renderFindings([], null, { columns: 80, colour: false }), /Clearway cannot serve on this host\.\n$/);
  assert.match(renderFindings([], 'epoll', { columns: 80, colour: false }), /takes epoll here\.\n$/);
});

test('colours are added and nothing else changes', () => {
  const plain = renderFindings(findings, 'epoll', { columns: 60, colour: false });
  const coloured = renderFindings(findings, 'epoll', { columns: 60, colour: true });
  assert.ok(coloured.includes('\u001b[31mno     \u001b[0m'));
  assert.equal(stripVTControlCharacters(coloured), plain);
});

test('no line is wider than the terminal, and no word is lost', () => {
  const words = fc
    .array(fc.stringMatching(/^[a-z(),]{1,12}$/), { minLength: 1, maxLength: 60 })
    .map((all) => all.join(' '));
  const anyFinding: fc.Arbitrary<Finding> = fc.record({
    id: fc.constant('x'),
    group: fc.constantFrom(...probeGroups),
    what: fc.stringMatching(/^[a-z]{1,20}$/),
    state: fc.constantFrom('yes' as const, 'no' as const, 'limited' as const),
    detail: words,
    meaning: words,
    cost: fc.option(words),
    remedy: fc.option(words),
    facts: fc.constant({}),
  });
  fc.assert(
    fc.property(
      fc.array(anyFinding, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 80, max: 200 }),
      (some, columns) => {
        const text = renderFindings(some, 'epoll', { columns, colour: false });
        for (const line of text.split('\n')) assert.ok(line.length <= columns, `${line.length} > ${columns}: ${line}`);
        const flat = text.replaceAll(/\s+/g, ' ');
        for (const { detail, meaning, cost, remedy } of some) {
          for (const part of [`${detail}.`, meaning, cost ?? '', remedy ?? '']) assert.ok(flat.includes(part), part);
        }
      },
    ),
  );
});
