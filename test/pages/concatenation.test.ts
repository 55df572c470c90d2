// Pages against naive concatenation: random templates, fragments of every kind and size, slots that resolve in any order
// or fail into a fallback, readers that stall; through every door, byte for byte, and everything lent comes back.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { Region } from '../../src/memory/region.js';
import { writeFrames } from '../../src/memory/write-frames.js';
import {
  escapeHtml,
  type FragmentValue,
  file,
  html,
  page,
  type SlotOptions,
  segment,
  slot,
  type TemplateSource,
  template,
} from '../../src/pages/index.js';
import { messagesLeased } from '../support/messages.js';
import { until } from '../support/until.js';
import { ask, doorClosed, doors, openDoor } from './doors.js';

const directory = mkdtempSync(join(tmpdir(), 'clearway-pages-'));
after(() => rmSync(directory, { recursive: true }));
const filePath = join(directory, 'fragment');
const fileText = Array.from({ length: 40_000 }, (_, index) => String.fromCharCode(97 + (index % 26))).join('');
writeFileSync(filePath, fileText);
const memory = new Region(64 * 1024);
for (let index = 0; index < memory.byteLength; index++) memory.bytes[index] = (index * 13 + (index >> 8)) & 255;

const length = fc.oneof(
  fc.integer({ min: 0, max: 50 }),
  fc.integer({ min: 0, max: 3000 }),
  fc.integer({ min: 0, max: 60_000 }),
);
const alphabets = ['a', '<&>"\'', 'é', '漢', '🚀', 'x<', '\ud800'] as const;

type Kind = 'text' | 'html' | 'bytes' | 'segment' | 'file' | 'number' | 'nothing';

interface Fragment {
  readonly kind: Kind;
  readonly size: number;
  readonly alphabet: string;
  /** Milliseconds until it is there; -1: at once, without a promise. */
  readonly delayMs: number;
  /** It throws, and its fallback stands in. */
  readonly fails: boolean;
}

const fragment: fc.Arbitrary<Fragment> = fc.record({
  kind: fc.constantFrom<Kind>('text', 'text', 'html', 'bytes', 'segment', 'file', 'number', 'nothing'),
  size: length,
  alphabet: fc.constantFrom(...alphabets),
  delayMs: fc.constantFrom(-1, -1, 0, 0, 0, 3, 8),
  fails: fc.constantFrom(false, false, false, true),
});

type Piece = { readonly static: string; readonly copies: number } | { readonly slot: Fragment; readonly raw: boolean };

const piece: fc.Arbitrary<Piece> = fc.oneof(
  fc.record({ static: fc.constantFrom(...alphabets, 'static text '), copies: fc.integer({ min: 0, max: 4000 }) }),
  fc.record({ slot: fragment, raw: fc.boolean() }),
);

/** What a fragment is as a value, and as the bytes that must arrive. */
function fragmentOf({ kind, size, alphabet }: Fragment, raw: boolean): { value: FragmentValue; bytes: Buffer } {
  const text = alphabet.repeat(Math.ceil(size / alphabet.length));
  switch (kind) {
    case 'text':
      return { value: text, bytes: Buffer.from(raw ? text : escapeHtml(text)) };
    case 'html':
      return { value: html`<b>${text}</b>`, bytes: Buffer.from(`<b>${escapeHtml(text)}</b>`) };
    case 'bytes': {
      const bytes = Buffer.alloc(size, alphabet);
      return { value: bytes, bytes };
    }
    case 'segment': {
      const offset = size % 1000;
      const bytes = Buffer.from(memory.buffer, offset, size);
      return { value: segment(memory, offset, size), bytes };
    }
    case 'file': {
      const offset = size % 500;
      const count = Math.min(size, fileText.length - offset);
      return {
        value: file(filePath, { offset, length: count }),
        bytes: Buffer.from(fileText.slice(offset, offset + count)),
      };
    }
    case 'number':
      return { value: size, bytes: Buffer.from(String(size)) };
    case 'nothing':
      return { value: undefined, bytes: Buffer.alloc(0) };
  }
}

/** The page of a plan, and the bytes that it must come to. */
function build(plan: readonly Piece[], coalesceBytes: number, streamAfterMs: number) {
  const sources: TemplateSource[] = [];
  const slots: Record<string, SlotOptions<unknown>> = {};
  const expected: Buffer[] = [];
  let text = '';
  const flushText = (): void => {
    expected.push(Buffer.from(text));
    text = '';
  };
  plan.forEach((each, index) => {
    if ('static' in each) {
      // Neighbouring texts are one text: halves of a character meet.
      text += each.static.repeat(each.copies);
      sources.push(each.static.repeat(each.copies));
      return;
    }
    flushText();
    const name = `slot${index}`;
    const { value, bytes } = fragmentOf(each.slot, each.raw);
    expected.push(bytes);
    sources.push(slot(name, { raw: each.raw }));
    const { delayMs, fails } = each.slot;
    const give = (): FragmentValue => {
      if (fails) throw new Error('on purpose');
      return value;
    };
    const later = async (): Promise<FragmentValue> => {
      if (delayMs > 0) await sleep(delayMs);
      return give();
    };
    slots[name] = { render: delayMs < 0 ? give : later, fallback: value };
  });
  flushText();
  return { made: page(template(sources), slots, { coalesceBytes, streamAfterMs }), expected: Buffer.concat(expected) };
}

for (const door of doors) {
  test(`${door}: a page is the concatenation of its fragments`, { skip: doorClosed(door) }, async () => {
    const open = await openDoor(door, page('nothing yet'));
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.array(piece, { maxLength: 12 }),
          fc.constantFrom(0, 64, 1024, 20_000),
          fc.constantFrom(0, 0, 5),
          fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
          fc.constantFrom<'1.0' | '1.1'>('1.1', '1.1', '1.0'),
          async (plan, coalesceBytes, streamAfterMs, pauses, version) => {
            const { made, expected } = build(plan, coalesceBytes, streamAfterMs);
            open.page = made;
            open.reports.length = 0;
            const answer = await ask(open.port, { pauses, version });
            assert.equal(answer.status, 200);
            assert.ok(answer.complete, `incomplete: ${answer.head}`);
            assert.ok(answer.body.equals(expected), 'the bytes differ');
            await until('the page is reported', () => open.reports.length > 0);
            const [report] = open.reports;
            assert.equal(report!.outcome, 'sent');
            const { referencedBytes, encodedBytes, coalescedBytes, applicationBytes, fileBytes } = report!.account;
            const accounted = referencedBytes + encodedBytes + coalescedBytes + applicationBytes + fileBytes;
            assert.equal(accounted, expected.length);
            made.template.free();
            await until('frames come back', () => writeFrames().leased === 0);
          },
        ),
        { numRuns: 40 },
      );
      assert.equal(messagesLeased(), 0);
    } finally {
      await open.close();
    }
  });
}

for (const door of doors) {
  test(`${door}: a page whose last slot comes late and gives nothing ends`, { skip: doorClosed(door) }, async () => {
    const slots = { late: { render: () => sleep(20, '') } };
    const open = await openDoor(door, page(template(['all there is', slot('late')]), slots, { streamAfterMs: 0 }));
    try {
      for (const version of ['1.0', '1.1'] as const) {
        const answer = await ask(open.port, { version });
        assert.ok(answer.complete);
        assert.equal(answer.body.toString(), 'all there is');
      }
    } finally {
      await open.close();
    }
  });
}

test('static fragments above the threshold are not copied', { skip: doorClosed('epoll') }, async () => {
  const text = 's'.repeat(3000);
  const made = page(template([text, slot('a'), text, slot('b'), text]), { a: () => '1', b: async () => '2' });
  const open = await openDoor('epoll', made);
  try {
    await ask(open.port);
    const { account } = open.reports[0]!;
    assert.deepEqual(
      { ...account },
      {
        referencedBytes: 9000,
        encodedBytes: 2,
        coalescedBytes: 0,
        applicationBytes: 0,
        fileBytes: 0,
        entries: 5,
      },
    );
  } finally {
    await open.close();
  }
});

for (const door of doors) {
  test(`${door}: a list longer than one call takes leaves whole and in order`, { skip: doorClosed(door) }, async () => {
    // Every fragment an entry of its own: IOV_MAX (1024) is passed three times.
    const statics = Array.from({ length: 1700 }, (_, index) => `<${index}>`);
    const fresh = slot('fresh', { raw: true });
    const made = page(
      template(statics.flatMap((text) => [text, fresh])),
      { fresh: async () => '-' },
      { coalesceBytes: 0 },
    );
    const open = await openDoor(door, made);
    try {
      const { body } = await ask(open.port);
      assert.equal(body.toString(), statics.map((text) => `${text}-`).join(''));
      await until('it is reported', () => open.reports.length === 1);
      assert.ok(open.reports[0]!.account.entries > 3 * 1024, String(open.reports[0]!.account.entries));
      assert.equal(open.reports[0]!.account.coalescedBytes, 0);
    } finally {
      await open.close();
    }
  });
}
