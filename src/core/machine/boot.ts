// The way from a foreign monitor to the program, at CPL 0: page tables in which each part of the image has its rights and linear memory has nothing around it, tables of the
// processor, and what the monitor said (memory, command line) in the boot block. Our own monitor has done all that from outside (src/vmm/boot.ts), and never runs this.

import {
  BOOT_BLOCK,
  DEVICES_PHYSICAL,
  DEVICES_VIRTUAL,
  DOOR,
  DOOR_PVH,
  GDT,
  IDT,
  LINE,
  LINE_BYTES,
  LINEAR_BYTES,
  LINEAR_GUARD,
  LINEAR_MOST,
  LINEAR_PHYSICAL,
  LINEAR_VIRTUAL,
  PAGE_TABLES,
  PART_BYTES,
  PARTS,
  PARTS_COUNT,
  TRAP_STACK_TOP,
  TRAP_TABLE,
  TSS,
} from './places';

const PRESENT: u64 = 1;
const WRITE: u64 = 2;
const USER: u64 = 4;
const NO_CACHE: u64 = 0x10;
const LARGE: u64 = 0x80;
const NO_EXECUTE: u64 = 1 << 63;

const SMALL_PAGE: u64 = 0x1000;
const LARGE_PAGE: u64 = 0x20_0000;
/** What the door of PVH maps (src/compile/image-code.ts). */
const READABLE: u64 = 0x4000_0000;
/** Entries of a monitor's memory map that are looked at. */
const MOST_ENTRIES: u32 = 128;

/** Bytes of the page tables' place that are taken. There is room for all that {@link boot} asks for. */
let taken: usize = 0;

function takeTable(): usize {
  const table = PAGE_TABLES + taken;
  taken += <usize>SMALL_PAGE;
  return table;
}

function tableAt(entry: usize): usize {
  const found = load<u64>(entry);
  if ((found & PRESENT) !== 0) return <usize>(found & 0xffff_f000);
  const table = takeTable();
  store<u64>(entry, <u64>table | PRESENT | WRITE | USER);
  return table;
}

function entryOf(table: usize, address: u64, shift: u64): usize {
  return table + <usize>((address >> shift) & 511) * 8;
}

/** Maps a page of 4 KiB, or of 2 MiB. */
function map(root: usize, address: u64, physical: u64, flags: u64): void {
  const directory = tableAt(entryOf(tableAt(entryOf(root, address, 39)), address, 30));
  let entry = entryOf(directory, address, 21);
  if ((flags & LARGE) === 0) entry = entryOf(tableAt(entry), address, 12);
  store<u64>(entry, physical | flags | PRESENT);
}

/** Memory from the start of linear memory on without a hole, as one entry of a monitor's map has it, where that is more than what was found. */
function room(entry: usize, best: u64): u64 {
  const from = load<u64>(entry);
  const end = from + load<u64>(entry, 8);
  const isPlain = load<u32>(entry, 16) === 1;
  if (!isPlain || from > LINEAR_PHYSICAL || end <= LINEAR_PHYSICAL || end < from) return best;
  return max(end - LINEAR_PHYSICAL, best);
}

function bestRoom(entries: usize, count: u32, entryBytes: usize): u64 {
  let best: u64 = 0;
  for (let index: u32 = 0; index < min(count, MOST_ENTRIES); index++)
    best = room(entries + <usize>index * entryBytes, best);
  return best;
}

/** An address that a monitor tells by the door of PVH; 0 for one from which not all can be read: that door maps 1 GiB, and no more than a page is read from there on. */
function addressAt(place: usize): usize {
  const address = load<u64>(place);
  return address > READABLE - SMALL_PAGE ? 0 : <usize>address;
}

/** Memory by struct hvm_start_info (xen/include/public/arch-x86/hvm/start_info.h), whose version 1 has a map. */
function roomByPvh(info: usize): u64 {
  const entries = addressAt(info + 40);
  if (load<u32>(info, 4) < 1 || entries === 0) return 0;
  return bestRoom(entries, load<u32>(info, 48), 24);
}

/** Memory by struct boot_params (Documentation/arch/x86/zero-page.rst). */
function roomByLinux(params: usize): u64 {
  return bestRoom(params + 0x2d0, load<u8>(params, 0x1e8), 20);
}

function tell(door: u32, linear: u64, line: usize): void {
  store<u32>(BOOT_BLOCK, door, DOOR);
  store<u64>(BOOT_BLOCK, linear, LINEAR_BYTES);
  if (line === 0) return;
  for (let index: u32 = 0; index < LINE_BYTES - 1; index++) {
    const letter = load<u8>(line + index);
    if (letter === 0) break;
    store<u8>(BOOT_BLOCK + LINE + index, letter);
  }
}

function mapAll(root: usize, linear: u64): void {
  for (let part: u32 = 0; part < PARTS_COUNT; part++) {
    const place = PARTS + <usize>part * PART_BYTES;
    const flags = <u64>load<u32>(place, 8) | (load<u32>(place, 12) !== 0 ? NO_EXECUTE : 0);
    const end = <u64>load<u32>(place, 4);
    for (let at = <u64>load<u32>(place) & ~(SMALL_PAGE - 1); at < end; at += SMALL_PAGE) map(root, at, at, flags);
  }
  const data = USER | WRITE | NO_EXECUTE;
  for (let at: u64 = LINEAR_GUARD; at < LARGE_PAGE; at += SMALL_PAGE)
    map(root, LINEAR_VIRTUAL + at, LINEAR_PHYSICAL + at, data);
  for (let at = LARGE_PAGE; at < linear; at += LARGE_PAGE)
    map(root, LINEAR_VIRTUAL + at, LINEAR_PHYSICAL + at, data | LARGE);
  for (let at = DEVICES_PHYSICAL; at < 0x1_0000_0000; at += LARGE_PAGE)
    map(root, DEVICES_VIRTUAL + at, at, data | LARGE | NO_CACHE);
}

/** The tables by which the program runs at CPL 3, and a trap of it finds its way back. */
function writeProcessorTables(): void {
  store<u64>(GDT, 0x00af_9b00_0000_ffff, 8);
  store<u64>(GDT, 0x00cf_f300_0000_ffff, 32);
  store<u64>(GDT, 0x00af_fb00_0000_ffff, 40);
  const task: u64 = TSS;
  store<u64>(GDT, 0x0000_8900_0000_2068 | ((task & 0xff_ffff) << 16) | (((task >> 24) & 0xff) << 56), 48);
  store<u64>(GDT, task >> 32, 56);
  store<u64>(TSS + 4, TRAP_STACK_TOP);
  // A bit for each port, all 0: the program may use them. Its flags say so as well (IOPL 3): a KVM without hardware virtualisation looks at
  // these bits alone, and the nested virtualisation of some emulators at the flags alone.
  store<u16>(TSS, 104, 0x66);
  store<u8>(TSS, 0xff, 104 + 8192);
  for (let vector: u32 = 0; vector < 32; vector++) {
    const to = <u64>(load<u32>(TRAP_TABLE) + vector * 16);
    const gate = (to & 0xffff) | (8 << 16) | (0x8e << 40) | (((to >> 16) & 0xffff) << 48);
    store<u64>(IDT + vector * 16, gate);
    store<u64>(IDT + vector * 16, to >> 32, 8);
  }
}

/**
 * See the file's head.
 * @param told what the monitor left: hvm_start_info by the door of PVH, within what that maps; boot_params by that of Linux, of whose address the lower 32 bits count: it and its command line lie
 * below 4 GiB, where the monitor maps them. Returns the page tables' root
 */
export function boot(door: u32, told: usize): usize {
  const isPvh = door === DOOR_PVH;
  const found = (isPvh ? roomByPvh(told) : roomByLinux(told)) & ~(LARGE_PAGE - 1);
  const linear = min(found, LINEAR_MOST);
  tell(door, linear, isPvh ? addressAt(told + 24) : <usize>load<u32>(told, 0x228));
  const root = takeTable();
  mapAll(root, linear);
  writeProcessorTables();
  return root;
}
