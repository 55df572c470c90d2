// Where everything is in an image that is linked here (link-image.ts): src/core/machine/places.ts says the same for what runs there, which a test holds together. What the processor
// and the program need beside the file's own bytes comes first, at places that are the same in every image; then constants, code and data, as long as they are. Not here: the bytes.

const page = 0x1000;

/** The next page's start. */
export const pageAlign = (at: number): number => Math.ceil(at / page) * page;

/** Addresses in the machine, which are the program's as well. */
export const Place = {
  /** For the processor: page tables, those of the way to long mode, its tables, and the stack of traps. */
  ...{ pageTables: 0x10_0000, firstTables: 0x10_a000, gdt: 0x10_d000, tss: 0x10_d040, idt: 0x10_f0c0 },
  trapStackTop: 0x11_1000,
  /** The program's stack, with a page beneath that is not there. */
  ...{ stack: 0x11_2000, stackTop: 0x12_2000 },
  bootBlock: 0x12_2000,
  /** What whoever links tells: a table of parts, places, and words. */
  ...{ constants: 0x12_3000, told: 0x12_3060, words: 0x12_3080 },
  /** Here the module's linear memory begins. */
  end: 0x20_0000,
} as const;

/** Bytes of what the monitor tells. */
export const bootBlockBytes = 64 + 2048;
/** Registers of devices, as the program sees them. */
export const devicesVirtual = 0x4_0000_0000n;
/** Selectors of the program's segments. */
export const Selector = { code: 8, task: 0x30, userData: 0x23, userCode: 0x2b } as const;
/** How the machine was entered, where that was not by our monitor. */
export const Door = { linux: 2, pvh: 3 } as const;

/** Rights of a part, as its segment's flags say: the last is for the processor and not for the program. */
export const Right = { execute: 1, write: 2, read: 4, processor: 0x10_0000 } as const;
