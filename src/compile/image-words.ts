// What an image's machine side says, and looks for in its command line, as bytes: strings of AssemblyScript would take more than twice the room. src/core/machine/words.ts has the same
// names in the same order, which a test holds together. Not here: when it is said.

/** By name; the names are numbers there. */
export const words: Readonly<Record<string, string>> = {
  GIVE_UP: 'clearway: ',
  TRAP: 'clearway: the guest was stopped by a trap: ',
  STOPPED: 'clearway: the guest was stopped by the program itself: ',
  AT: ' at 0x',
  RUNNING: ', running 0x',
  WRITING: ', writing 0x',
  READING: ', reading 0x',
  OUTSIDE: ' (outside of linear memory)',
  NO_CLOCK: "nothing here says how fast the processor's clock is: add tsc_khz=N to the command line",
  NO_RANDOM: 'the processor gives no random numbers (RDRAND): give the guest another model',
  TOO_LITTLE: 'there is too little memory: 8 MiB are the least',
  NO_ROOM: "the module's data lies outside of memory",
  NO_BLOCK: 'the module has no place for what the monitor says',
  TSC_KHZ: 'tsc_khz=',
  NOW: 'now=',
  SPIN_US: 'spin_us=',
  // Why compiled code stops itself, from 0 on (Trap in ir.ts).
  REASONS: 'unknown',
  ...{ R1: 'out of bounds', R2: 'integer overflow', R3: 'division by zero', R4: 'unknown', R5: 'a failed check' },
  ...{ R6: 'indirect call', LAST_REASON: 'unknown' },
  // Traps of the processor, from 0 on.
  TRAPS: 'division',
  ...{ T1: 'debug', T2: 'NMI', T3: 'breakpoint', T4: 'overflow', T5: 'bound', T6: 'illegal instruction', T7: 'no FPU' },
  ...{ T8: 'double fault', T9: 'unknown', T10: 'TSS', T11: 'segment', T12: 'stack segment', T13: 'general protection' },
  ...{ T14: 'page fault', T15: 'unknown', T16: 'x87', T17: 'alignment', T18: 'machine check', T19: 'SIMD' },
  LAST_TRAP: 'unknown',
};

/** All of them, a NUL behind each. */
export function wordBytes(): Uint8Array {
  return new TextEncoder().encode(`${Object.values(words).join('\0')}\0`);
}
