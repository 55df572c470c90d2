// How much a test repeats: enough for every commit, or all of it (`npm run test:long`). Not here: what is repeated.

/** True when everything is repeated as often as it ever is: `npm run test:long` says so. */
export const isLong: boolean = process.env['CLEARWAY_TEST_LONG'] === '1';
