// The page of `clearway play --html` in a real browser: it asks nobody, fits a phone, can be read in light and dark, and names of files are text.
// Skipped where no Chromium is installed.

/// <reference lib="dom" />
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { reportOf } from '../../src/audio/report/report.js';
import { reportPage } from '../../src/audio/report/report-page.js';
import { giveBackPage, takePage } from '../support/browser-pages.js';
import { chromiumSkip } from '../support/chromium.js';
import { contrast } from '../support/contrast.js';
import { playFacts } from '../support/play-facts.js';

const isBuilt = existsSync(new URL('../../src/audio/report/page/report.html', import.meta.url));
const skip = chromiumSkip || (isBuilt ? false : 'the page is not built: npm run build');

test('the report as a page', { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-report-'));
  try {
    const path = join(folder, 'report.html');
    const xrun = { atSeconds: 50, gapMs: 18.7, framesLost: 1795, latenessUs: 40_000, cause: 'pump-late' } as const;
    writeFileSync(path, reportPage(reportOf({ ...playFacts, xruns: [xrun], xrunCount: 1 })));
    for (const [width, colorScheme] of [
      [1280, 'light'],
      [400, 'dark'],
    ] as const) {
      const page = await takePage({ viewport: { width, height: 900 }, colorScheme });
      const problems: string[] = [];
      page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
      page.on('request', (request) => /^(file|data):/.test(request.url()) || problems.push(request.url()));
      await page.goto(pathToFileURL(path).href);
      const seen = await page.evaluate(() => ({
        width: document.documentElement.scrollWidth,
        marks: document.querySelectorAll('svg .xrun').length,
        bars: document.querySelectorAll('.bar').length,
        file: document.querySelector('.tracks tbody th')?.textContent,
        colours: ['.no', '.note', '.tiles span', 'dd', 'dt'].map((name) => {
          const element = document.querySelector(name)!;
          const ground = getComputedStyle(element.closest('section')!).backgroundColor;
          return [name, getComputedStyle(element).color, ground] as const;
        }),
      }));
      assert.ok(seen.width <= width, `${seen.width} of ${width}`);
      assert.deepEqual([seen.marks, seen.file], [1, '01 <one>.flac']);
      assert.ok(seen.bars >= 3);
      for (const [name, ink, ground] of seen.colours) assert.ok(contrast(ink, ground) >= 4.5, `${name} ${colorScheme}`);
      assert.deepEqual(problems, []);
      await giveBackPage(page);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
