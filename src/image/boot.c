/* The way from a foreign monitor to the program, at CPL 0: page tables in which each part of the image has its rights and linear memory has
   nothing around it, tables of the processor, and what the monitor said (memory, command line) in the boot block. Our own monitor has done all
   that from outside (src/vmm/boot.ts), and never runs this. And the end of a guest by a trap, which every monitor runs. */
#include "image.h"

extern u64 page_tables[], gdt[], idt[];
extern u8 trap_table[], tss[], trap_stack_top[];
/* Of the link script. */
extern u8 text_begin[], text_end[], constants_begin[], constants_end[], data_begin[], data_end[], stack_begin[], stack_end[], machine_begin[], machine_end[];

static u64 *next_table = page_tables;

enum { PRESENT = 1, WRITE = 2, USER = 4, NO_CACHE = 0x10, LARGE = 0x80 };
#define NO_EXECUTE (1ul << 63)

static u64 *table_at(u64 *entry) {
  if (!(*entry & PRESENT)) {
    *entry = (u64)next_table | PRESENT | WRITE | USER;
    next_table += 512;
  }
  return (u64 *)(*entry & 0xffffffffff000);
}

/* Maps a page of 4 KiB, or of 2 MiB. There is room in page_tables for everything that boot() asks for. */
static void map(u64 *root, u64 address, u64 physical, u64 flags) {
  u64 *directory = table_at(&table_at(&root[address >> 39 & 511])[address >> 30 & 511]);
  u64 *entry = &directory[address >> 21 & 511];
  if (!(flags & LARGE)) entry = &table_at(entry)[address >> 12 & 511];
  *entry = physical | flags | PRESENT;
}

/* Memory from LINEAR_PHYSICAL on without a hole, as one map of a monitor has it. */
static u64 room(u64 from, u64 bytes, u32 type, u64 best) {
  u64 end = from + bytes;
  if (type != 1 || from > LINEAR_PHYSICAL || end <= LINEAR_PHYSICAL || end < from) return best;
  return end - LINEAR_PHYSICAL > best ? end - LINEAR_PHYSICAL : best;
}

/* An address that a monitor tells by the door of PVH; 0 for one from which not all can be read: that door (start.S) maps 1 GiB, and no more than a page is read from there on. */
static const u8 *told_at(const u8 *place) {
  u64 address = *(u64 *)place;
  return address > 0x40000000 - 4096 ? 0 : (const u8 *)address;
}

static u64 from_pvh(const u8 *info, const char **line) {
  u64 best = 0;
  *line = (const char *)told_at(info + 24);
  const u8 *map = told_at(info + 40);
  if (*(u32 *)(info + 4) < 1 || !map) return 0;
  u32 entries = *(u32 *)(info + 48);
  for (u32 i = 0; i < entries && i < 128; i++, map += 24) best = room(*(u64 *)map, *(u64 *)(map + 8), *(u32 *)(map + 16), best);
  return best;
}

static u64 from_linux(const u8 *params, const char **line) {
  u64 best = 0;
  *line = (const char *)(u64) * (u32 *)(params + 0x228);
  const u8 *map = params + 0x2d0;
  for (u32 i = 0; i < params[0x1e8] && i < 128; i++, map += 20) best = room(*(u64 *)map, *(u64 *)(map + 8), *(u32 *)(map + 16), best);
  return best;
}

/* Returns the root of the page tables. */
u64 *boot(u32 door, const u8 *told) {
  const char *line = 0;
  u64 linear = door == DOOR_PVH ? from_pvh(told, &line) : from_linux(told, &line);
  linear &= ~0x1ffffful;
  if (linear > LINEAR_MOST) linear = LINEAR_MOST;
  boot_block.door = door;
  boot_block.linear_bytes = linear;
  for (u32 i = 0; line && i < COMMAND_LINE_BYTES - 1 && line[i]; i++) boot_block.command_line[i] = line[i];

  u64 *root = next_table;
  next_table += 512;
  struct { u8 *from, *to; u64 flags; } parts[] = {
    {text_begin, text_end, USER},
    {constants_begin, constants_end, USER | NO_EXECUTE},
    {data_begin, data_end, USER | WRITE | NO_EXECUTE},
    {stack_begin, stack_end, USER | WRITE | NO_EXECUTE},
    {machine_begin, machine_end, WRITE | NO_EXECUTE},
  };
  for (u32 part = 0; part < 5; part++)
    for (u64 at = (u64)parts[part].from & ~0xffful; at < (u64)parts[part].to; at += 4096) map(root, at, at, parts[part].flags);
  for (u64 at = LINEAR_GUARD; at < 0x200000; at += 4096) map(root, LINEAR_VIRTUAL + at, LINEAR_PHYSICAL + at, USER | WRITE | NO_EXECUTE);
  for (u64 at = 0x200000; at < linear; at += 0x200000) map(root, LINEAR_VIRTUAL + at, LINEAR_PHYSICAL + at, USER | WRITE | NO_EXECUTE | LARGE);
  for (u64 at = DEVICES_PHYSICAL; at < 0x100000000; at += 0x200000) map(root, DEVICES_VIRTUAL + at, at, USER | WRITE | NO_EXECUTE | LARGE | NO_CACHE);

  gdt[1] = 0x00af9b000000ffff;
  gdt[4] = 0x00cff3000000ffff;
  gdt[5] = 0x00affb000000ffff;
  u64 at = (u64)tss;
  gdt[6] = 0x0000890000002068 | (at & 0xffffff) << 16 | (at >> 24 & 0xff) << 56;
  gdt[7] = at >> 32;
  *(u64 *)(tss + 4) = (u64)trap_stack_top;
  *(u16 *)(tss + 0x66) = 104;
  tss[104 + 8192] = 0xff;
  for (u32 i = 0; i < 32; i++) {
    u64 to = (u64)trap_table + i * 16;
    idt[i * 2] = (to & 0xffff) | 8ul << 16 | 0x8eul << 40 | (to >> 16 & 0xffff) << 48;
    idt[i * 2 + 1] = to >> 32;
  }
  return root;
}

static const char *const trap_names[32] = {
  "division", "debug", "NMI", "breakpoint", "overflow", "bound", "illegal instruction", "no FPU", "double fault", 0, "TSS", "segment",
  "stack segment", "general protection", "page fault", 0, "x87", "alignment", "machine check", "SIMD",
};

/* What the program did that it must not: said, and the end. */
void trap(const u64 *frame, u64 address) {
  u64 vector = frame[0] & 31;
  say_text("clearway: the guest was stopped by a trap: ");
  say_text(trap_names[vector] ? trap_names[vector] : "unknown");
  say_text(" at ");
  say_hex(frame[2]);
  if (vector == 14) {
    say_text(frame[1] & 16 ? ", running " : frame[1] & 2 ? ", writing " : ", reading ");
    say_hex(address);
    u64 in_linear = address - LINEAR_VIRTUAL;
    if (in_linear < 0x200000000ul) say_text(" (outside of linear memory)");
  }
  say_text("\n");
  end_guest(END_TRAP);
}
