// The newsroom example in a real browser: started by its own command, it says how each byte was sent, begins to show before
// a slow slot is there, survives a broken one, and fits 400 px. Skipped where no Chromium is installed.

/// <reference lib="dom" />
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { doorClosed } from '../pages/doors.js';
import { giveBackPage, takePage } from '../support/browser-pages.js';
import { chromiumSkip } from '../support/chromium.js';

const program = fileURLToPath(new URL('../../../examples/newsroom/server.mjs', import.meta.url));
const skip = chromiumSkip || doorClosed('epoll');

function startNewsroom(): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [program, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const match = /http:\S+/.exec(said);
      if (match !== null) resolve({ child, url: match[0] });
    });
    child.once('exit', (status) => reject(new Error(`the newsroom ended with ${status}: ${said}`)));
  });
}

test('the newsroom', { skip }, async (context) => {
  const { child, url } = await startNewsroom();
  const problems: string[] = [];
  const open = async (width: number, dark = false): Promise<Page> => {
    const page = await takePage({ viewport: { width, height: 900 }, colorScheme: dark ? 'dark' : 'light' });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    return page;
  };
  try {
    await context.test('says how each byte of the page got into it', async () => {
      const page = await open(1200);
      const response = await page.goto(url);
      const bytes = (await response!.body()).length;
      await page.locator('.bar').waitFor();
      const shown = await page.locator('.account dd').allTextContents();
      const numbers = shown.map((text) => Number(text.replaceAll(',', '')));
      assert.equal(
        numbers.reduce((sum, each) => sum + each, 0),
        bytes,
      );
      assert.ok(numbers[0]! > 5000 && numbers[1]! > 5000 && numbers[2]! > 1000, shown.join(' '));
      assert.equal(await page.locator('article').count(), 7);
      await page.getByLabel('Show it in the page').check();
      assert.ok(await page.evaluate(() => document.body.classList.contains('show-ways')));
      await giveBackPage(page);
    });

    await context.test('shows what is there before the slow slot is', async () => {
      const page = await open(1200);
      // A browser that takes longer than the slot, on a busy machine, gets a slower slot.
      let isBefore = false;
      for (const slowMs of [1000, 5000, 20_000]) {
        await page.goto(`${url}/?slow=${slowMs}`, { waitUntil: 'commit' });
        await page.locator('article.lead').waitFor();
        isBefore = (await page.locator('.most-read').count()) === 0;
        await page.locator('.most-read').waitFor();
        if (isBefore) break;
      }
      assert.ok(isBefore);
      await page.locator('.bar').waitFor();
      assert.match((await page.locator('.sum').textContent())!, /in chunks/);
      await giveBackPage(page);
    });

    await context.test('a broken database costs its own section only', async () => {
      const page = await open(1200);
      const response = await page.goto(`${url}/?broken=1`);
      assert.equal(response!.status(), 200);
      assert.match((await page.locator('.stories').textContent())!, /could not be fetched/);
      assert.equal(await page.locator('.most-read li').count(), 5);
      await page.goto(`${url}/?topic=${encodeURIComponent('<img src=x onerror=alert(1)>')}`);
      assert.equal(await page.locator('.stories img').count(), 0);
      await giveBackPage(page);
    });

    await context.test('fits 400 px, light and dark', async () => {
      for (const dark of [false, true]) {
        const page = await open(400, dark);
        await page.goto(url);
        await page.getByLabel('Show it in the page').check();
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
        await giveBackPage(page);
      }
    });
    assert.deepEqual(problems, []);
  } finally {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }
});
