// How long the plan page takes to redraw after a key press, in headless Chromium: `node dist/bench/micro/redraw.js`.
// Run by hand on a quiet machine; the target is 16 ms, one frame. Not part of any test.

import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const file = fileURLToPath(new URL('../../src/plan/page/plan.html', import.meta.url));
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
try {
  for (const width of [1280, 400]) {
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    await page.goto(pathToFileURL(file).href);
    await page.locator('#f-message').focus();
    const medians: number[] = [];
    for (let round = 0; round < 5; round++) {
      await page.evaluate(() => performance.clearMeasures('redraw'));
      for (let press = 0; press < 20; press++) await page.keyboard.press(press % 2 === 0 ? 'ArrowRight' : 'ArrowLeft');
      await page.waitForTimeout(200);
      const durations = await page.evaluate(() => performance.getEntriesByName('redraw').map((one) => one.duration));
      durations.sort((a, b) => a - b);
      medians.push(durations[durations.length >> 1] ?? Number.NaN);
    }
    medians.sort((a, b) => a - b);
    process.stdout.write(
      `${width} px: median of 5 rounds ${medians[2]!.toFixed(1)} ms, worst ${medians[4]!.toFixed(1)} ms\n`,
    );
    await page.close();
  }
} finally {
  await browser.close();
}
