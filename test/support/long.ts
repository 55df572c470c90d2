// How much a test repeats: enough for every commit, more for every change that is handed over (`npm run test:all`, and whenever a file is named), or all
// of it (`npm run test:long`). Not here: what is repeated.

/** True when everything is repeated as often as it ever is: `npm run test:long` says so. */
export const isLong: boolean = process.env['CLEARWAY_TEST_LONG'] === '1';

/** True in `npm test`, which repeats least. */
export const isShort: boolean = process.env['CLEARWAY_TEST_SHORT'] === '1';

/** How many of so many seeds, rounds or runs that differ in chance alone: a quarter of them in `npm test`, else all. */
export function repeated(count: number): number {
  return isShort ? Math.ceil(count / 4) : count;
}
