// Where everything is in an image that is linked without a linker of C. src/compile/image-layout.ts says the same; src/vmm/boot.ts of what a monitor tells, and src/image/layout.h of linear memory,
// devices and doors, do as well: a test holds all of that together. The addresses are those of the machine, which are those of the program as well, but for linear memory. Not here: what is there.

/** For the processor alone: page tables, its own tables, and the stack of traps. */
export const PAGE_TABLES: usize = 0x10_0000;
export const GDT: usize = 0x10_d000;
export const TSS: usize = 0x10_d040;
export const IDT: usize = 0x10_f0c0;
export const TRAP_STACK_TOP: usize = 0x11_1000;
/** What the monitor said, and where in it: there, and in the block that a module has for it (src/core/unikernel/boot.ts); struct boot_block of src/image/image.h is the same in C. */
export const BOOT_BLOCK: usize = 0x12_2000;
export const BOOT_BLOCK_BYTES: u32 = 2112;
export const DOOR: usize = 4;
export const LINEAR_BYTES: usize = 8;
export const TSC_KHZ: usize = 16;
export const WALL_US: usize = 24;
export const SEED: usize = 32;
export const LINE: usize = 64;
export const LINE_BYTES: u32 = 2048;

/** What only whoever links knows: the parts of the image, each from, to, its bits in a page table and whether it is not executed (u32 each), and places. */
export const PARTS: usize = 0x12_3000;
export const PARTS_COUNT: u32 = 6;
export const PART_BYTES: usize = 16;
export const TRAP_TABLE: usize = 0x12_3060;
/** Of the module: where its instance has the address and the length of its memory and its pages, and what its memory begins with. */
export const MODULE_MEMORY_AT: usize = 0x12_3064;
export const MODULE_MEMORY_BYTES: usize = 0x12_3068;
export const MODULE_PAGES: usize = 0x12_306c;
export const MODULE_DATA: usize = 0x12_3070;
/** What is said (words.ts). */
export const WORDS: usize = 0x12_3080;

/** Linear memory in the machine, and where the module sees it; its first 64 KiB are not there. */
export const LINEAR_PHYSICAL: usize = 0x20_0000;
export const LINEAR_VIRTUAL: usize = 0x4000_0000;
export const LINEAR_GUARD: usize = 0x1_0000;
export const LINEAR_MOST: u64 = 0x8000_0000;
/** Room for the module's own data, beneath its heap. */
export const STATIC_BYTES: usize = 0x10_0000;
/** Registers of devices, and where the module's host sees them. */
export const DEVICES_VIRTUAL: u64 = 0x4_0000_0000;
export const DEVICES_PHYSICAL: u64 = 0xc000_0000;

export const DOOR_OURS: u32 = 1;
export const DOOR_PVH: u32 = 3;
