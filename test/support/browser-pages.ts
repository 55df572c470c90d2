// Pages of one Chromium for the tests of a file: a page that a test is done with is the next one's, since a process begins for each. Not here: where
// Chromium is (chromium.ts).

import type { Browser, Page } from 'playwright-core';
import { chromiumArguments, chromiumPath } from './chromium.js';

/** How a page is looked at. */
export interface Look {
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: 'light' | 'dark';
  readonly reducedMotion?: 'reduce' | 'no-preference';
}

/** See the file's head. Chromium is started when the first page is asked for. */
export class BrowserPages {
  #browser: Browser | undefined;
  readonly #free: Page[] = [];

  /** An empty page: 1280 by 900, light, without motion, if nothing else is said. */
  async take(look: Look = {}): Promise<Page> {
    const { chromium } = await import('playwright-core');
    this.#browser ??= await chromium.launch({ executablePath: chromiumPath!, args: [...chromiumArguments] });
    const page = this.#free.pop() ?? (await this.#browser.newPage());
    await page.setViewportSize({ width: 1280, height: 900, ...look.viewport });
    // An animation without end is drawn for as long as a page is open: only a test of motion asks for it.
    await page.emulateMedia({
      colorScheme: look.colorScheme ?? 'light',
      reducedMotion: look.reducedMotion ?? 'reduce',
    });
    return page;
  }

  /** Takes a page back: nothing listens to it any more, and nothing is in it. */
  async giveBack(page: Page): Promise<void> {
    page.removeAllListeners();
    await page.goto('about:blank');
    this.#free.push(page);
  }

  /** Ends Chromium. */
  async close(): Promise<void> {
    await this.#browser?.close();
  }
}
