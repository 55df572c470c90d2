// The page of devices in a real browser: figures, charts, rings, by keyboard too; it fits 400 px in light and dark, names are text, and its policy is
// never broken. Skipped where no Chromium is installed.

/// <reference lib="dom" />
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { DeviceDashboard } from '../../src/dashboard/device-dashboard.js';
import { CopyReason, copyReasonNames } from '../../src/memory/copy.js';
import { type BlockCounts, emptyBlockCounts } from '../../src/vhost/block/block-counts.js';
import { diskKind } from '../../src/vhost/block/disk-metrics.js';
import { figuresOf } from '../../src/vhost/device-figures.js';
import { type DeviceState, idleState } from '../../src/vhost/device-state.js';
import type { DevicesCounts } from '../../src/vhost/queue-counts.js';
import { giveBackPage, type Look, takePage } from '../support/browser-pages.js';
import { chromiumSkip } from '../support/chromium.js';
import { contrast } from '../support/contrast.js';

const skip =
  chromiumSkip ||
  (!existsSync(new URL('../../src/dashboard/page/devices.html', import.meta.url))
    ? 'the page is not built: npm run build'
    : false);

const busyState: DeviceState = {
  frontEnd: { processId: 4711, forMs: 200_000 },
  features: ['split', 'event index', 'indirect', 'flush'],
  memoryBytes: 2 ** 31,
  queues: [
    { name: 'queue 0', size: 128, isEnabled: true, next: 10, used: 120, taken: 18, waiting: 32 },
    { name: 'queue 1', size: 128, isEnabled: false, next: 5, used: 5, taken: 0, waiting: 0 },
  ],
};

/** What two disks had counted at some second: one busy, one that nobody uses. */
function reading(second: number, copiedBytes = 0): DevicesCounts<BlockCounts> {
  const busy: BlockCounts = {
    ...emptyBlockCounts(),
    ...{
      requests: { read: 900 * second, write: 100 * second },
      readBytes: second * 2 ** 22,
      writtenBytes: second * 2 ** 20,
    },
    ...{ kicks: 400 * second, kicksSaved: 600 * second, interrupts: 300 * second, interruptsSaved: 700 * second },
    ...{ frontEnds: 1, faults: { 'head outside': 2 }, longestMs: 1234 },
  };
  busy.latency[0] = 1000 * second;
  const copied = copyReasonNames.map((_, index) => (index === CopyReason.guestPacket ? copiedBytes : 0));
  return {
    devices: [
      { name: '<img src=x>', counts: busy, state: busyState },
      { name: '/images/idle.raw', counts: emptyBlockCounts(), state: idleState },
    ],
    copied,
  };
}

async function open(context: TestContext, look: Look = {}) {
  const address = { host: '127.0.0.1', port: 0 };
  const dashboard = await DeviceDashboard.open({ ...address, subject: 'disk (a test)', measures: diskKind.measures });
  const page = await takePage(look);
  context.after(async () => {
    await giveBackPage(page);
    await dashboard.close();
  });
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  const push = (second: number, before = second - 1, copiedBytes = 0) =>
    dashboard.push(
      1_700_000_000_000 + second * 1000,
      figuresOf(diskKind, reading(second, copiedBytes), reading(before), second - before),
    );
  for (let second = 1; second <= 20; second++) push(second);
  await page.goto(dashboard.urls[0]!);
  await page.locator('#tiles .tile').first().waitFor();
  return { dashboard, page, problems, push };
}

const tiles = (page: Page) => page.locator('#tiles').textContent();

test('the page of devices', { skip }, async (context) => {
  await context.test(
    'shows figures, charts, devices and what is counted by name, and follows what is new',
    async (test) => {
      const { page, problems, push } = await open(test);
      assert.equal(
        await page.locator('#headline').textContent(),
        '1 of 2 devices have a front end: 1,000 requests a second, 5.0 MiB a second; nothing was copied in user space.',
      );
      assert.match(
        (await tiles(page))!,
        /requests1,000\/sread4\.0 MiB\/s.*kicks400\/s.*longest wait1\.23 s.*copies0 B\/s/,
      );
      assert.equal(await page.locator('.plot canvas').count(), 3);
      const rows = await page.locator('#devices tbody tr').allTextContents();
      assert.match(rows[0]!, /^<img src=x>process 4711, for 3 minsplit, 2 of 128 entries1,000\/s/);
      assert.match(rows[0]!, /100\.0 µs100\.0 µs1\.23 s$/);
      assert.match(rows[1]!, /^\/images\/idle\.rawnone–0\/s/);
      assert.equal(await page.locator('img').count(), 0, 'a name is text');
      assert.match((await page.locator('#reasons').textContent())!, /requestsread18,000.*faultshead outside2/);
      push(22, 20, 2048);
      await page.waitForFunction(() =>
        document.querySelector('#headline')?.textContent?.includes('2.0 KiB were copied'),
      );
      assert.match((await page.locator('#reasons').textContent())!, /copied in user spaceguestPacket2\.0 KiB/);
      await page.locator('#span').selectOption('start');
      assert.match((await tiles(page))!, /requests22,000read88\.0 MiB/);
      assert.deepEqual(problems, []);
    },
  );

  await context.test(
    'draws each ring: what is taken up to where the next is taken, what waits behind it',
    async (test) => {
      const { page } = await open(test);
      assert.equal(await page.locator('.rings li').count(), 2);
      const [first, second] = await page.locator('.rings li').allTextContents();
      assert.equal(first, '50queue 0128 entries18 taken, 32 waitingnext 10, given back up to 120');
      assert.match(second!, /^0queue 1128 entries, not enabled/);
      const arcs = await page
        .locator('.rings li')
        .first()
        .locator('circle[class]')
        .evaluateAll((all) =>
          all.map((one) => ['class', 'stroke-dasharray', 'stroke-dashoffset'].map((name) => one.getAttribute(name))),
        );
      assert.deepEqual(arcs, [
        ['waiting', '32 96', '-10'],
        ['taken', '18 110', '-120'],
      ]);
      // A device alone: its charts and rings; the other has none.
      await page.locator('#device').selectOption({ label: '/images/idle.raw' });
      assert.equal(await page.locator('#s-rings').isVisible(), false);
      assert.match((await tiles(page))!, /requests0\/s/);
      assert.equal(await page.locator('.legend b').first().textContent(), '0/s');
    },
  );

  await context.test(
    'one device is named; what ended at once, or not at all, has no time; 1,200 px show all columns',
    async (test) => {
      const { page, dashboard } = await open(test, { viewport: { width: 1200, height: 900 } });
      const hidden = await page.locator('#devices').evaluate((one) => one.scrollWidth - one.clientWidth);
      assert.ok(hidden <= 0, `${hidden} px of the table are out of sight`);
      const alone = (requests: number): DevicesCounts<BlockCounts> => {
        const counts = { ...emptyBlockCounts(), requests: { read: requests } };
        counts.latency[0] = requests;
        return { devices: [{ name: '/run/one.sock', counts, state: busyState }], copied: [] };
      };
      const show = async (requests: number, words: RegExp): Promise<void> => {
        dashboard.push(1_700_000_100_000 + requests, figuresOf(diskKind, alone(requests), undefined, 1));
        await page.waitForFunction(
          (text) => new RegExp(text).test(document.querySelector('#tiles')!.textContent!),
          words.source,
        );
      };
      await show(0, /longest wait–/);
      assert.match((await page.locator('#headline').textContent())!, /^A front end is connected to \/run\/one\.sock: /);
      await show(10, /longest waitat once/);
      assert.match((await page.locator('#devices tbody').textContent())!, /at onceat onceat once$/);
    },
  );

  await context.test('everything can be reached and worked by keyboard', async (test) => {
    const { page, push } = await open(test);
    const reached = new Set<string>();
    for (let press = 0; press < 25; press++) {
      await page.keyboard.press('Tab');
      reached.add(
        await page.evaluate(() => {
          const { id, className, tagName } = document.activeElement as HTMLElement;
          return id || className || tagName;
        }),
      );
    }
    for (const name of ['device', 'span', 'pause', 'plot', 'SUMMARY', 'devices', 'reasons']) {
      assert.ok(reached.has(name), `${name} is not in the order of Tab: ${[...reached].join(' ')}`);
    }
    await page.locator('#charts summary').first().focus();
    await page.keyboard.press('Enter');
    await page.locator('#charts tbody tr').first().waitFor();
    assert.equal(await page.locator('#charts tbody tr').count(), 20);
    await page.locator('#pause').focus();
    await page.keyboard.press('Enter');
    const before = await tiles(page);
    push(22, 20, 4096);
    await page.waitForTimeout(200);
    assert.equal(await tiles(page), before);
    await page.keyboard.press('Enter');
    await page.waitForFunction((old) => document.querySelector('#tiles')?.textContent !== old, before);
  });

  await context.test(
    'fits 400 px in light and dark with readable contrast, and says when the program has ended',
    async (test) => {
      for (const colorScheme of ['light', 'dark'] as const) {
        const { page, problems, dashboard } = await open(test, { viewport: { width: 400, height: 800 }, colorScheme });
        const { width, overflowing, pairs } = await page.evaluate(() => ({
          width: document.documentElement.scrollWidth,
          overflowing: [...document.querySelectorAll('main section, .tile dd, .plot, .rings li, .actions > *')]
            .filter((one) => one.getBoundingClientRect().right > 400)
            .map((one) => one.id || one.className),
          pairs: ['body', '#state', '.tile dt', '#devices th', '.rings p', '.quiet'].map((selector) => {
            const one = document.querySelector(selector)!;
            const ground = one.closest('section, .tile, header') ?? document.body;
            return [selector, getComputedStyle(one).color, getComputedStyle(ground).backgroundColor] as const;
          }),
        }));
        assert.ok(width <= 400, `${width} px wide`);
        assert.deepEqual(overflowing, []);
        for (const [selector, ink, ground] of pairs)
          assert.ok(contrast(ink, ground) >= 4.5, `${selector} ${ink} on ${ground}`);
        assert.deepEqual(problems, []);
        await dashboard.close();
        await page.waitForFunction(() => document.querySelector('#state')?.textContent?.includes('has ended'));
      }
    },
  );
});
