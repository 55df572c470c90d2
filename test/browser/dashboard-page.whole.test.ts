// The dashboard in a real browser: figures come, charts and flow are drawn, by keyboard too; it fits 400 px in light and
// dark, stands still where motion is not wanted, and its policy is never broken. Skipped where no Chromium is installed.

/// <reference lib="dom" />
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { Dashboard } from '../../src/dashboard/dashboard.js';
import type { Observation } from '../../src/dashboard/frame.js';
import type { PointName } from '../../src/journey/points.js';
import type { JourneyReading } from '../../src/journey/tracer.js';
import { type Counters, summarise } from '../../src/meter/accounts/accounts.js';
import { giveBackPage, type Look, takePage } from '../support/browser-pages.js';
import { chromiumSkip } from '../support/chromium.js';
import { contrast } from '../support/contrast.js';

const skip =
  chromiumSkip ||
  (!existsSync(new URL('../../src/dashboard/page/dashboard.html', import.meta.url))
    ? 'the page is not built: npm run build'
    : false);

/** What a server that mostly splices moved until some second. */
function observation(second: number, part: Partial<Observation> = {}): Observation {
  const mebibytes = second * 1024 * 1024;
  const counters: Counters = {
    ...{ tcpSent: mebibytes, spliced: 50 * mebibytes, tcpReceived: mebibytes / 4, reverted: 0, pinned: 0 },
    ...{ payloadSent: 51 * mebibytes, payloadReceived: mebibytes / 4, sendCalls: second, receiveCalls: second },
  };
  const row = { processId: 7, startNs: 1, command: '<img src=x>', networkNamespace: 1, cgroupId: '1', counters };
  const socket = {
    protocol: 'tcp',
    local: '127.0.0.1:80',
    remote: '127.0.0.1:9',
    networkNamespace: 1,
    cookie: 1,
  } as const;
  return {
    timeMs: 1_700_000_000_000 + second * 1000,
    reading: {
      ...{
        tier: 'tracepoints',
        unseen: ['files and pipes'],
        untested: [],
        elapsedMs: second * 1000,
        rows: [row],
        counters,
      },
      summary: summarise(counters),
      shortfall: { lostEvents: 0, lostBytes: 0, unattributedBytes: 0, unattributedEvents: 0, missedEvents: 0 },
    },
    sockets: [
      {
        ...socket,
        processId: 7,
        sentCopied: mebibytes,
        sentByReference: 50 * mebibytes,
        received: 5,
        sends: 1,
        receives: 1,
      },
    ],
    ...part,
  };
}

/** A journey of three stages. */
function journey(): JourneyReading {
  const stage = (from: PointName, to: PointName, p50Ns: number) => ({
    ...{ from, to, count: 12, p50Ns, p99Ns: p50Ns * 10, maxNs: p50Ns * 100, sumNs: p50Ns * 12 },
  });
  return {
    ...{ tier: 'tracepoints' as const, unseen: [], elapsedMs: 1000, headless: 0, notKept: 0, slowest: [], lost: [] },
    ...{ messages: { seen: 120, followed: 12, busy: 0 }, outcomes: { read: 12, acknowledged: 0, unfinished: 0 } },
    total: stage('entered', 'returned', 20_000),
    stages: [stage('entered', 'queued', 950), stage('queued', 'wakeup', 4050), stage('wakeup', 'returned', 15_000)],
  };
}

async function open(context: TestContext, look: Look = {}, refusal?: string) {
  const dashboard = await Dashboard.open({ host: '127.0.0.1', port: 0, subject: 'a test', refusal });
  const page = await takePage(look);
  context.after(async () => {
    await giveBackPage(page);
    await dashboard.close();
  });
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  const push = (second: number, part?: Partial<Observation>) => dashboard.push(observation(second, part));
  for (let second = 1; second <= 20; second++) push(second);
  await page.goto(dashboard.url);
  await page.locator('#tiles .tile').first().waitFor();
  return { dashboard, page, problems, push };
}

const tiles = (page: Page) => page.locator('#tiles').textContent();

test('the dashboard', { skip }, async (context) => {
  await context.test('shows figures, flow, charts and tables, and follows what is new', async (test) => {
    const { page, problems, push } = await open(test);
    assert.equal(
      await page.locator('#headline').textContent(),
      '51.0 MiB/s moved, 1.3 MiB/s copied by the kernel: 0.025 bytes copied for each byte moved.',
    );
    assert.equal(await page.locator('#flow .band.copy').count(), 2);
    assert.equal(await page.locator('#flow .band.reference').count(), 3);
    assert.equal(await page.locator('.plot canvas').count(), 2);
    assert.match((await page.locator('#processes').textContent())!, /<img src=x>/, 'a name is text');
    assert.equal(await page.locator('img').count(), 0);
    assert.match((await page.locator('#sockets').textContent())!, /127\.0\.0\.1:80 – 127\.0\.0\.1:9/);
    assert.equal(await page.locator('#s-why').isVisible(), false);
    push(22, { timeMs: observation(21).timeMs, why: ['Checksum offload is off.'] });
    await page.locator('#why li').waitFor();
    assert.match((await tiles(page))!, /sent102 MiB\/s/);
    await page.locator('#span').selectOption('start');
    assert.match((await tiles(page))!, /sent1\.1 GiB/);
    assert.deepEqual(problems, []);
  });

  await context.test('what a server sends while nobody asks is said to be the page itself', async (test) => {
    const { page, push } = await open(test);
    const idle = { requests: 9, connections: 0, ways: {}, copies: {} };
    push(21, { server: idle });
    push(22, { server: idle });
    await page.waitForFunction(() => document.querySelector('#headline')?.textContent?.startsWith('No client'));
    push(23, { server: { ...idle, requests: 10 } });
    await page.waitForFunction(() => document.querySelector('#headline')?.textContent?.startsWith('51.0 MiB/s moved'));
  });

  await context.test('a copy is as thick as it is much, a reference never', async (test) => {
    const { page } = await open(test);
    const widths = async (kind: string) =>
      (
        await page
          .locator(`#flow .band.${kind}`)
          .evaluateAll((all) => all.map((one) => one.getAttribute('stroke-width')))
      ).map(Number);
    for (const width of await widths('reference')) assert.equal(width, 2);
    for (const width of await widths('copy')) assert.ok(width >= 4 && width < 10, `${width}`);
    const labels = await page
      .locator('#flow svg')
      .evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')));
    assert.match(labels[0]!, /^Sending\. .*TCP: sent by copying: 1\.0 MiB\/s, copied/);
  });

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
    for (const name of ['span', 'pause', 'plot', 'SUMMARY', 'processes', 'sockets']) {
      assert.ok(reached.has(name), `${name} is not in the order of Tab: ${[...reached].join(' ')}`);
    }
    const figure = page.locator('#moved .legend b').first();
    await page.locator('#moved .plot').focus();
    assert.equal(await figure.textContent(), '51.0 MiB/s');
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    assert.equal(await page.locator('#moved .legend b').nth(3).textContent(), '50.0 MiB/s');
    await page.locator('#moved summary').focus();
    await page.keyboard.press('Enter');
    await page.locator('#moved tbody tr').first().waitFor();
    assert.equal(await page.locator('#moved tbody tr').count(), 20);
    await page.locator('#pause').focus();
    await page.keyboard.press('Enter');
    assert.equal(await page.locator('#state').textContent(), 'paused');
    const before = await tiles(page);
    push(30, { timeMs: observation(21).timeMs });
    await page.waitForTimeout(200);
    assert.equal(await tiles(page), before);
    await page.keyboard.press('Enter');
    await page.waitForFunction((old) => document.querySelector('#tiles')?.textContent !== old, before);
  });

  await context.test('fits 400 px in light and dark with readable contrast', async (test) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page, problems } = await open(test, { viewport: { width: 400, height: 800 }, colorScheme });
      const { width, overflowing, pairs } = await page.evaluate(() => ({
        width: document.documentElement.scrollWidth,
        overflowing: [...document.querySelectorAll('main section, .tile dd, .flow, .plot')]
          .filter((one) => one.getBoundingClientRect().right > 400)
          .map((one) => one.id || one.className),
        pairs: ['body', '#state', '.tile dt', '#processes th'].map((selector) => {
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
    }
  });

  await context.test(
    'the journey of messages: stages, figures and bars; hidden where it is not followed',
    async (test) => {
      for (const width of [1280, 400]) {
        const { page, problems, push } = await open(test, { viewport: { width, height: 900 } });
        assert.equal(await page.locator('#s-journey').isVisible(), false);
        push(21, { journey: journey() });
        await page.locator('#journey tbody tr').first().waitFor();
        const rows = await page.locator('#journey tbody tr').allTextContents();
        assert.equal(rows.length, 4);
        assert.equal(
          rows[0],
          'entered > queued until the socket is locked, its bytes are about to be taken950 ns9.5 \u00b5s95.0 \u00b5s 4.8 %',
        );
        assert.equal(rows[3], 'The whole journey20.0 \u00b5s200.0 \u00b5s2.00 ms 100 %');
        const bars = await page
          .locator('#journey rect')
          .evaluateAll((all) => all.map((one) => one.getAttribute('width')));
        assert.deepEqual(bars, ['5', '20', '75', '100']);
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width);
        push(22);
        await page.locator('#s-journey').waitFor({ state: 'hidden' });
        assert.deepEqual(problems, []);
      }
    },
  );

  await context.test('stands still where motion is not wanted', async (test) => {
    const { page } = await open(test);
    const animation = () =>
      page
        .locator('#flow .band.reference')
        .first()
        .evaluate((one) => getComputedStyle(one).animationName);
    assert.equal(await animation(), 'none');
    await page.emulateMedia({ reducedMotion: 'no-preference' });
    assert.equal(await animation(), 'along');
  });

  await context.test('says where the kernel is not seen, and when the program has ended', async (test) => {
    const { page, dashboard, push } = await open(test, {}, 'copies in the kernel are not metered: not permitted.');
    assert.equal(await page.locator('#refusal').textContent(), 'copies in the kernel are not metered: not permitted.');
    const server = { requests: 5, connections: 1, ways: { inline: 500, sendfile: 9000 }, copies: { encode: 400 } };
    push(21, { reading: undefined, sockets: undefined, server });
    await page.waitForFunction(() => document.querySelector('#headline')?.textContent?.includes('in user space'));
    assert.equal(await page.locator('#s-processes').isVisible(), false);
    await dashboard.close();
    await page.waitForFunction(() => document.querySelector('#state')?.textContent?.includes('has ended'));
  });
});
