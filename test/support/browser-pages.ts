// Pages of one Chromium, for the tests of all files in the process: a page that a test is done with is the next one's, since a process begins for each.
// Not here: where Chromium is (chromium.ts), and which files share a process (tools/test-sharing.mjs).

import { after } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { chromiumArguments, chromiumPath } from './chromium.js';

/** How a page is looked at. */
export interface Look {
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: 'light' | 'dark';
  readonly reducedMotion?: 'reduce' | 'no-preference';
}

let browser: Promise<Browser> | undefined;
const free: Page[] = [];
after(async () => (await browser)?.close());

/** Chromium is started when the first page is asked for. */
async function start(): Promise<Browser> {
  const { chromium } = await import('playwright-core');
  return chromium.launch({ executablePath: chromiumPath!, args: [...chromiumArguments] });
}

/** An empty page: 1280 by 900, light, without motion, if nothing else is said. */
export async function takePage(look: Look = {}): Promise<Page> {
  browser ??= start();
  const page = free.pop() ?? (await (await browser).newPage());
  await page.setViewportSize({ width: 1280, height: 900, ...look.viewport });
  // An animation without end is drawn for as long as a page is open: only a test of motion asks for it.
  await page.emulateMedia({
    colorScheme: look.colorScheme ?? 'light',
    reducedMotion: look.reducedMotion ?? 'reduce',
  });
  return page;
}

/** Takes a page back: nothing listens to it any more, and nothing is in it. */
export async function giveBackPage(page: Page): Promise<void> {
  page.removeAllListeners();
  await page.goto('about:blank');
  free.push(page);
}
