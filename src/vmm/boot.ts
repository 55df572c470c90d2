// A machine's memory made ready for an image, from outside: its parts, page tables in which each has its rights and linear memory has nothing around it,
// the processor's tables, and what the guest is told. What an image does itself under other monitors (src/core/machine/boot.ts; src/image/boot.c in those that gcc made). Not here: the processor (kvm/).

import { CopyReason, copyBytes } from '../memory/copy.js';
import { wrongArgument } from '../text/coded.js';
import type { Image } from './image-file.js';

/** Where everything is: src/image/layout.h says the same, which a test holds together. */
export const Layout = {
  linearPhysical: 0x20_0000,
  linearVirtual: 0x4000_0000,
  linearGuard: 0x1_0000,
  devicesVirtual: 0x4_0000_0000,
  linearMost: 0x8000_0000,
  portSerial: 0x3f8,
  portEnd: 0xf4,
  portPark: 0xc1ea,
  doorOurs: 1,
  userCode: 0x2b,
  userData: 0x23,
  commandLineBytes: 2048,
} as const;

/** The page tables' root, in the machine: below the image, where nothing else is. */
export const pageTables = 0x1000;

const Page = { present: 1n, write: 2n, user: 4n, noCache: 0x10n, large: 0x80n, noExecute: 1n << 63n } as const;
const smallPage = 0x1000;
const largePage = 0x20_0000;

/** What the guest is told. */
export interface BootWords {
  readonly commandLine: string;
  readonly tscKhz: number;
  /** Microseconds since 1970. */
  readonly wallUs: number;
  /** 32 bytes that nobody else knows. */
  readonly seed: Uint8Array;
}

/** Page tables in the machine's memory, from {@link pageTables} up to the image. */
class PageTables {
  readonly #memory: DataView;
  #next = pageTables + smallPage;

  constructor(memory: DataView) {
    this.#memory = memory;
  }

  /** The table that an entry leads to. */
  #tableAt(entry: number): number {
    const found = this.#memory.getBigUint64(entry, true);
    if (found !== 0n) return Number(found & 0xffff_f000n);
    const table = this.#next;
    this.#next += smallPage;
    this.#memory.setBigUint64(entry, BigInt(table) | Page.present | Page.write | Page.user, true);
    return table;
  }

  /** Maps a page: small, or large where the flags say so. */
  map(address: number, physical: number, flags: bigint): void {
    const index = (shift: number): number => Math.floor(address / 2 ** shift) % 512;
    const second = this.#tableAt(pageTables + index(39) * 8);
    const directory = this.#tableAt(second + index(30) * 8);
    let entry = directory + index(21) * 8;
    if ((flags & Page.large) === 0n) entry = this.#tableAt(entry) + index(12) * 8;
    this.#memory.setBigUint64(entry, BigInt(physical) | flags | Page.present, true);
  }
}

function mapImage(tables: PageTables, image: Image): void {
  for (const { address, byteLength, isWritable, isExecutable, isForProcessor } of image.parts) {
    const flags =
      (isWritable ? Page.write : 0n) | (isExecutable ? 0n : Page.noExecute) | (isForProcessor ? 0n : Page.user);
    for (let at = address - (address % smallPage); at < address + byteLength; at += smallPage)
      tables.map(at, at, flags);
  }
}

function mapLinear(tables: PageTables, linearBytes: number): void {
  const flags = Page.user | Page.write | Page.noExecute;
  const { linearVirtual, linearPhysical, linearGuard } = Layout;
  for (let at: number = linearGuard; at < largePage; at += smallPage)
    tables.map(linearVirtual + at, linearPhysical + at, flags);
  for (let at = largePage; at < linearBytes; at += largePage)
    tables.map(linearVirtual + at, linearPhysical + at, flags | Page.large);
}

/** The tables by which a trap of the program finds its way to the image's code at CPL 0 (in images by our own compiler a few instructions, which lead back to CPL 3). */
function writeProcessorTables(memory: DataView, image: Image): void {
  const { gdt, tss, idt, trapTable, trapStackTop } = image;
  memory.setBigUint64(gdt + 8, 0x00af_9b00_0000_ffffn, true);
  memory.setBigUint64(gdt + 32, 0x00cf_f300_0000_ffffn, true);
  memory.setBigUint64(gdt + 40, 0x00af_fb00_0000_ffffn, true);
  const base = BigInt(tss);
  const task = 0x8b00_0000_2068n | ((base & 0xff_ffffn) << 16n) | (((base >> 24n) & 0xffn) << 56n);
  memory.setBigUint64(gdt + 48, task, true);
  memory.setBigUint64(gdt + 56, base >> 32n, true);
  memory.setBigUint64(tss + 4, BigInt(trapStackTop), true);
  // A bit for each port, all 0: the program may use them. Its flags say so as well (IOPL 3): a KVM without hardware virtualisation looks at
  // these bits alone, and the nested virtualisation of some emulators at the flags alone.
  memory.setUint16(tss + 0x66, 104, true);
  memory.setUint8(tss + 104 + 8192, 0xff);
  for (let vector = 0; vector < 32; vector++) {
    const to = BigInt(trapTable + vector * 16);
    const gate = (to & 0xffffn) | (8n << 16n) | (0x8en << 40n) | (((to >> 16n) & 0xffffn) << 48n);
    memory.setBigUint64(idt + vector * 16, gate, true);
    memory.setBigUint64(idt + vector * 16 + 8, to >> 32n, true);
  }
}

function tell(memory: DataView, image: Image, linearBytes: number, words: BootWords): void {
  const at = image.bootBlock;
  memory.setUint32(at + 4, Layout.doorOurs, true);
  memory.setBigUint64(at + 8, BigInt(linearBytes), true);
  memory.setBigUint64(at + 16, BigInt(words.tscKhz), true);
  memory.setBigUint64(at + 24, BigInt(Math.floor(words.wallUs)), true);
  for (let index = 0; index < 32; index++) memory.setUint8(at + 32 + index, words.seed[index]!);
  const line = new TextEncoder().encode(words.commandLine);
  if (line.length >= Layout.commandLineBytes)
    throw wrongArgument(`a command line has fewer than ${Layout.commandLineBytes} bytes, not ${line.length}`);
  for (const [index, byte] of line.entries()) memory.setUint8(at + 64 + index, byte);
}

/**
 * Makes fresh memory of a machine (all 0) ready. @param devices pages in which devices have their registers, between 3 and 4 GiB
 * @throws RangeError for memory of less than 8 MiB, or a command line that is too long
 */
export function prepareMemory(
  memory: DataView<ArrayBuffer>,
  image: Image,
  devices: readonly number[],
  words: BootWords,
): void {
  const room = Math.min(memory.byteLength - Layout.linearPhysical, Layout.linearMost);
  const linearBytes = room - (room % largePage);
  if (linearBytes < 3 * largePage) throw wrongArgument('a machine has at least 8 MiB of memory');
  const bytes = new Uint8Array(memory.buffer, memory.byteOffset, memory.byteLength);
  for (const part of image.parts)
    copyBytes(CopyReason.frameFill, bytes, part.address, part.bytes, 0, part.bytes.length);
  const tables = new PageTables(memory);
  mapImage(tables, image);
  mapLinear(tables, linearBytes);
  for (const page of devices)
    tables.map(Layout.devicesVirtual + page, page, Page.user | Page.write | Page.noExecute | Page.noCache);
  writeProcessorTables(memory, image);
  tell(memory, image, linearBytes, words);
}
