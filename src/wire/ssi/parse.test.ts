// The parsers and expressions of server-side and edge-side includes: what compiles to what, and that nothing throws.

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { evaluateCondition, substitute } from './expression.js';
import { parseEsi } from './parse-esi.js';
import { parseSsi } from './parse-ssi.js';
import type { SsiNode } from './program.js';
import { formatTime } from './time-format.js';

/** A program in short: texts as they are, the rest in brackets. */
function show(text: string, nodes: readonly SsiNode[]): string {
  return nodes
    .map((node) => {
      switch (node.kind) {
        case 'text':
          return text.slice(node.start, node.end);
        case 'if':
          return `{${node.branches.map((each) => `${each.condition ?? 'else'}:${show(text, each.nodes)}`).join('|')}}`;
        case 'block':
          return `{block ${node.name}:${show(text, node.nodes)}}`;
        case 'include':
          return `{include ${node.target}${node.set ? ` set ${node.set}` : ''}${node.stub ? ` stub ${node.stub}` : ''}}`;
        case 'echo':
          return `{echo ${node.name} ${node.fallback} ${node.encoding}}`;
        case 'set':
          return `{set ${node.name}=${node.value}}`;
        case 'esi':
          return `{esi ${node.src} ${node.alt ?? '-'} ${node.continues}}`;
        case 'config':
          return `{config ${node.errmsg ?? '-'} ${node.timefmt ?? '-'}}`;
        default:
          return '{error}';
      }
    })
    .join('');
}

const ssi = (text: string): string => show(text, parseSsi(text));
const esi = (text: string): string => show(text, parseEsi(text));

test('directives of nginx compile to what they say', () => {
  assert.equal(ssi('a<!--# include virtual="/b?c=1" -->d'), 'a{include /b?c=1}d');
  assert.equal(ssi(`<!--#include file='x' wait="yes" set="v"-->`), '{include x set v}');
  assert.equal(ssi('<!--# include virtual="/b" stub="s" -->'), '{include /b stub s}');
  assert.equal(ssi('<!--# echo var="n" -->'), '{echo n (none) entity}');
  assert.equal(ssi('<!--#echo var="n" default="" encoding="none"-->'), '{echo n  none}');
  assert.equal(ssi('<!--# set var="a" value="say \\"b\\" --> c" -->.'), '{set a=say "b" --> c}.');
  assert.equal(ssi('<!--# config errmsg="oops" timefmt="%Y" -->'), '{config oops %Y}');
  assert.equal(ssi('<!--# block name="one" -->x<!--# endblock -->y'), '{block one:x}y');
  const condition = '<!--# if expr="$a = 1" -->1<!--# elif expr="$b" -->2<!--# else -->3<!--# endif -->4';
  assert.equal(ssi(condition), '{$a = 1:1|$b:2|else:3}4');
  assert.equal(ssi('<!--# if expr="a" --><!--# if expr="b" -->x<!--# endif --><!--# endif -->'), '{a:{b:x}}');
});

test('what is wrong is an error in its place, and text stays text', () => {
  assert.equal(ssi('<!-- comment --><!--[if IE]-->'), '<!-- comment --><!--[if IE]-->');
  assert.equal(ssi('a<!--# include virtual="/b'), 'a<!--# include virtual="/b');
  for (const directive of [
    'exec cmd="id"',
    'include',
    'include virtual="/a" file="b"',
    'include virtual="/a" wait="maybe"',
    'include virtual="/a" set="b" stub="c"',
    'echo encoding="none"',
    'echo var="a" var="b"',
    'set var="a"',
    'else',
    'endif',
    'block',
    'include virtual=/unquoted',
    `echo var="${'x'.repeat(2000)}"`,
    '',
  ]) {
    assert.equal(ssi(`(<!--# ${directive} -->)`), '({error})', directive);
  }
  assert.equal(ssi('<!--# if expr="a" -->x'), '{a:x}');
  assert.equal(ssi('(<!--# endblock -->)'), '()');
  assert.equal(ssi('<!--# echo var="a" encoding="base64" -->'), '{echo a (none) entity}');
  assert.match(ssi('<!--# if expr="a" -->'.repeat(40)), /error/);
});

test('elements of ESI compile to what they say', () => {
  assert.equal(esi('a<esi:include src="/b"/>c'), 'a{esi /b - false}c');
  assert.equal(esi('<esi:include src="/b" alt="/c&amp;d" onerror="continue"></esi:include>'), '{esi /b /c&d true}');
  assert.equal(esi('a<esi:remove>b<esi:include src="/x"/></esi:remove>c'), 'ac');
  assert.equal(esi('a<esi:comment text="b"/>c'), 'ac');
  assert.equal(esi('a<!--esi <p><esi:include src="/x"/></p> -->b'), 'a <p>{esi /x - false}</p> b');
  assert.equal(esi('<esi:include/>'), '{error}');
  assert.equal(esi('a<esi:remove>b'), 'a<esi:remove>b');
});

test('any text compiles, and texts cover it in order', () => {
  const pieces = fc.constantFrom(
    '<!--#',
    '-->',
    ' if expr="$a"',
    ' endif ',
    ' else',
    ' echo var="a" ',
    '"',
    "'",
    '\\',
    'text',
    '<esi:include src="/a"/>',
    '<esi:remove>',
    '</esi:remove>',
    '<!--esi ',
    ' block name="b" ',
    ' endblock',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), (list) => {
      const text = list.join('');
      for (const nodes of [parseSsi(text), parseEsi(text)]) {
        let at = 0;
        const visit = (each: readonly SsiNode[]): void => {
          for (const node of each) {
            if (node.kind === 'text') {
              assert.ok(node.start >= at && node.end > node.start && node.end <= text.length);
              at = node.end;
            } else if (node.kind === 'block') visit(node.nodes);
            else if (node.kind === 'if') for (const branch of node.branches) visit(branch.nodes);
          }
        };
        visit(nodes);
      }
    }),
  );
});

test('variables and conditions', () => {
  const values: Readonly<Record<string, string>> = { a: 'Abc', empty: '', two: 'Abc' };
  const resolve = (name: string): string | undefined => values[name];
  const holds = (expression: string): boolean | undefined =>
    evaluateCondition(expression, resolve, { steps: 1e6 })?.holds;
  assert.equal(substitute('x$a-${a}y $none \\$a', resolve), 'xAbc-Abcy  $a');
  for (const wrong of ['5$', '$ a', '${a', '$$a']) assert.equal(substitute(wrong, resolve), undefined, wrong);
  assert.equal(holds('$a'), true);
  assert.equal(holds('$empty'), false);
  assert.equal(holds('$none'), false);
  assert.equal(holds('$a = Abc'), true);
  assert.equal(holds('$a = $two'), true);
  assert.equal(holds('$a != Abc'), false);
  assert.equal(holds('${a}=x'), false);
  assert.equal(holds('$a = /^A(.)(?P<last>.)$/'), true);
  assert.equal(holds('$a != /b/'), false);
  assert.equal(holds('$a = /(/'), undefined);
  assert.equal(holds('$a = /open'), undefined);
  assert.equal(holds('($a)'), undefined);
  const captures = evaluateCondition('$a = /^A(.)(?P<last>.)$/', resolve, { steps: 1e6 })?.captures;
  assert.deepEqual(
    [...(captures ?? [])],
    [
      ['1', 'b'],
      ['2', 'c'],
      ['last', 'c'],
    ],
  );
});

test('times as strftime writes them', () => {
  const date = new Date(Date.UTC(2026, 0, 5, 13, 4, 9));
  assert.equal(formatTime('%A, %d-%b-%Y %H:%M:%S %Z', date, true), 'Monday, 05-Jan-2026 13:04:09 GMT');
  const weeks = (day: string): string => formatTime('%U %W %G %g %V', new Date(`${day}T12:00:00Z`), true);
  // As date(1) of GNU coreutils says.
  assert.equal(weeks('2026-01-05'), '01 01 2026 26 02');
  assert.equal(weeks('2021-01-01'), '00 00 2020 20 53');
  assert.equal(weeks('2024-12-30'), '52 53 2025 25 01');
  assert.equal(formatTime('%s %j %I %p %e %y %z %% %Q', date, true), '1767618249 005 01 PM  5 26 +0000 % %Q');
});
