// The plan page in a real browser, opened as a file with no server: it computes, follows its controls by mouse and keyboard, carries its
// scenario in the address, fits 400 px and redraws within a frame. Skipped where no Chromium is installed.

/// <reference lib="dom" />
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { answer } from '../../src/plan/answers/answer.js';
import { scenarioFromHash, scenarioToHash } from '../../src/plan/link.js';
import { defaultScenario } from '../../src/plan/scenario.js';
import { giveBackPage, takePage } from '../support/browser-pages.js';
import { chromiumSkip } from '../support/chromium.js';
import { contrast } from '../support/contrast.js';

const built = fileURLToPath(new URL('../../src/plan/page/plan.html', import.meta.url));
const reason = chromiumSkip || (!existsSync(built) ? 'the page is not built: npm run build' : false);

async function open(
  hash: string,
  viewport: { width: number; height: number },
  dark = false,
): Promise<{ page: Page; problems: string[] }> {
  const page = await takePage({ viewport, colorScheme: dark ? 'dark' : 'light' });
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('request', (request) => /^(file|data):/.test(request.url()) || problems.push(`asked for ${request.url()}`));
  await page.goto(pathToFileURL(built).href + hash);
  await page.locator('#tiles .tile').first().waitFor();
  return { page, problems };
}

test('the plan page', { skip: reason }, async (context) => {
  const wide = { width: 1280, height: 900 };

  await context.test('shows what the model answers, from a file, asking nobody', async () => {
    const { page, problems } = await open('', wide);
    const direct = answer(defaultScenario());
    assert.equal(await page.locator('#headline').textContent(), direct.bottleneck.sentence);
    assert.ok((await page.locator('#tiles').textContent())!.includes(`${direct.throughput.gbps.toFixed(1)} Gb/s`));
    for (const chart of ['#gantt svg', '#curves svg', '#loaded svg'])
      assert.equal(await page.locator(chart).count(), 1, chart);
    assert.deepEqual(problems, []);
    await giveBackPage(page);
  });

  await context.test(
    'a slider moved by keyboard changes figures and address, and the address restores the slider',
    async () => {
      const { page } = await open('', wide);
      const before = await page.locator('#tiles').textContent();
      await page.locator('#f-mtu').focus();
      for (let press = 0; press < 3; press += 1) await page.keyboard.press('ArrowRight');
      await page.waitForFunction((old) => document.querySelector('#tiles')?.textContent !== old, before);
      const hash = new URL(page.url()).hash;
      assert.equal(scenarioFromHash(hash).mtu, 9000);
      const again = await open(hash, wide);
      assert.equal(await again.page.locator('#o-mtu').textContent(), '9000 B');
      assert.equal(await again.page.locator('#tiles').textContent(), await page.locator('#tiles').textContent());
      await giveBackPage(again.page);
      await giveBackPage(page);
    },
  );

  await context.test(
    'cores bring their flows, and an address with an impossible MTU does not stop the page',
    async () => {
      const { page } = await open('', wide);
      const before = await page.locator('#tiles').textContent();
      await page.locator('#f-cores').focus();
      await page.keyboard.press('ArrowRight');
      await page.waitForFunction((old) => document.querySelector('#tiles')?.textContent !== old, before);
      const { cores, flows } = scenarioFromHash(new URL(page.url()).hash);
      assert.deepEqual([cores, flows], [2, 2]);
      await page.keyboard.press('ArrowRight');
      await page.waitForFunction(() => location.hash.includes('cores=3'));
      await giveBackPage(page);
      const odd = await open('#ip=6&mtu=68', wide);
      assert.equal(await odd.page.locator('#o-mtu').textContent(), '1280 B');
      assert.deepEqual(odd.problems, []);
      await giveBackPage(odd.page);
    },
  );

  await context.test('every control can be reached and has a name', async () => {
    const { page } = await open('', wide);
    await page.evaluate(() => {
      for (const one of document.querySelectorAll('details')) one.open = true;
    });
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLInputElement | HTMLSelectElement>('input, select')]
        .filter((one) => (one.labels?.length ?? 0) === 0)
        .map((one) => one.id),
    );
    assert.deepEqual(nameless, []);
    const reached = new Set<string>();
    for (let press = 0; press < 90; press += 1) {
      await page.keyboard.press('Tab');
      reached.add(await page.evaluate(() => document.activeElement?.id ?? ''));
    }
    for (const id of [
      'f-message',
      'f-nic',
      'f-pcie',
      'f-mtu',
      'f-fragments',
      'f-cores',
      'f-rules',
      'f-tc',
      'f-capture',
      'f-tunnel',
      'share',
    ]) {
      assert.ok(reached.has(id), `${id} is not in the order of Tab`);
    }
    await giveBackPage(page);
  });

  await context.test('advice can be tried, a preset chosen, and a packet path hides what has no meaning', async () => {
    const { page } = await open('', wide);
    await page.locator('#advice button').first().click();
    await page.waitForFunction(() => location.hash.includes('mtu=9000'));
    await page.locator('#preset').selectOption({ label: 'XDP drops 64 B frames' });
    await page.waitForFunction(() => document.querySelector('#tiles')?.textContent?.includes('Mpps'));
    assert.equal(await page.locator('#s-ways').isVisible(), false);
    await page.locator('#preset').selectOption({ label: 'tiny fragments on i40e' });
    await page.waitForFunction(() => document.querySelector('#copied')?.textContent?.includes('i40e_chk_linearize'));
    await giveBackPage(page);
  });

  await context.test(
    'traffic control, a capture and a tunnel are chosen by keyboard and live in the address',
    async () => {
      const { page } = await open('#way=zerocopy', wide);
      const pressed = async (id: string, key: string, inAddress: string): Promise<void> => {
        await page.locator(id).focus();
        await page.keyboard.press(key);
        await page.waitForFunction((words) => location.hash.includes(words), inAddress);
      };
      await pressed('#f-capture', 'Space', 'capture=true');
      await pressed('#f-tunnel', 'ArrowDown', 'tunnel=vxlan');
      await pressed('#f-tc', 'ArrowDown', 'tc=mirror');
      await pressed('#f-tunnelOffload', 'Space', 'tunnelOffload=false');
      await page.waitForFunction(() => document.querySelector('#copied')?.textContent?.includes('dev_queue_xmit_nit'));
      const again = await open(new URL(page.url()).hash, { width: 400, height: 800 }, true);
      await again.page.waitForFunction(
        (text) => document.querySelector('#tiles')?.textContent === text,
        await page.locator('#tiles').textContent(),
      );
      assert.equal(await again.page.locator('#f-tunnel').inputValue(), 'vxlan');
      assert.deepEqual(again.problems, []);
      await giveBackPage(again.page);
      await giveBackPage(page);
    },
  );

  await context.test('nothing in a link runs: a name with markup is text', async () => {
    const hash = scenarioToHash({ ...defaultScenario(), name: '<img src=x onerror=alert(1)>' });
    const { page, problems } = await open(hash, wide);
    assert.equal(await page.locator('img').count(), 0);
    assert.deepEqual(problems, []);
    await giveBackPage(page);
  });

  await context.test('fits 400 px without sideways scrolling, in light and dark, with readable contrast', async () => {
    for (const dark of [false, true]) {
      const { page, problems } = await open(
        '#guest=vhost&firewall=nfqueue&way=zerocopy',
        { width: 400, height: 800 },
        dark,
      );
      const { scroll, ground, ink } = await page.evaluate(() => ({
        scroll: document.documentElement.scrollWidth,
        ground: getComputedStyle(document.body).backgroundColor,
        ink: getComputedStyle(document.body).color,
      }));
      assert.ok(scroll <= 400, `${scroll} px wide`);
      assert.ok(contrast(ground, ink) >= 7, `${ground} against ${ink}`);
      assert.deepEqual(problems, []);
      await giveBackPage(page);
    }
  });

  // How fast it redraws is measured by bench/micro/redraw.ts: a test has no clock.
  await context.test('each press of an arrow key redraws', async () => {
    const { page } = await open('', wide);
    await page.locator('#f-message').focus();
    await page.evaluate(() => performance.clearMeasures('redraw'));
    for (let press = 0; press < 10; press += 1) {
      await page.keyboard.press(press % 2 === 0 ? 'ArrowRight' : 'ArrowLeft');
      await page.waitForFunction((least) => performance.getEntriesByName('redraw').length >= least, press + 1);
    }
    await giveBackPage(page);
  });
});
