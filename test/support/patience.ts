// How long a test waits for what will come. Not here: what is awaited (until.ts), how long it may take by what it promises.

/** How many times slower this machine is than a usual one: guests of software emulation say so. */
const slowness = Number(process.env.CLEARWAY_TEST_SLOWNESS ?? '1');

/** A limit of milliseconds for something that has to come, on a machine as slow as this one. */
export const patient = (ms: number): number => ms * slowness;
