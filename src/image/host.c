/* What stands between a module that wasm2c and gcc compiled and the machine: its imports, the clock, and the loop that turns, rests and parks. Of images that our own
   compiler makes src/core/around/machine.ts is the same.
   Everything here runs at CPL 3. Nothing is allocated; memory is the machine's from the start. */
#include "image.h"
#include <stddef.h>

u64 memory_bytes;
static u64 microseconds_shift_32; /* microseconds of a tick, times 2^32 */
static u64 tick_at_start;

static inline u64 ticks(void) {
  u32 low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return low | (u64)high << 32;
}

static u64 now_us(void) { return (u64)((unsigned __int128)(ticks() - tick_at_start) * microseconds_shift_32 >> 32); }

void give_up(const char *why) {
  say_text("clearway: ");
  say_text(why);
  say_text("\n");
  end_guest(END_TRAP);
}

/* The module's imports. */
u32 host_readRegister(u32 address) { return *(volatile u32 *)(DEVICES_VIRTUAL + address); }
void host_writeRegister(u32 address, u32 value) { *(volatile u32 *)(DEVICES_VIRTUAL + address) = value; }
void host_fence(void) { __asm__ volatile("lock orl $0, (%%rsp)" ::: "memory"); }
void host_order(void) { __asm__ volatile("" ::: "memory"); }
void host_say(u32 text, u32 length) {
  if ((u64)text + length <= memory_bytes) say_bytes((const char *)LINEAR_VIRTUAL + text, length);
}
void host_endGuest(u32 status) { end_guest(status); }

/* Why the module's code stopped itself: the numbers are those of wasm2c (wasm_rt_trap_t). */
void module_trapped(u32 code) {
  static const char *const names[] = {
    "none", "out of bounds", "integer overflow", "division by zero", "conversion of no number", "a failed check", "indirect call", "exception", "stack",
  };
  say_text("clearway: the guest was stopped by the program itself: ");
  say_text(code < 9 ? names[code] : "unknown");
  say_text("\n");
  end_guest(END_TRAP);
}

void *memcpy(void *to, const void *from, size_t bytes) {
  void *start = to;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes)::"memory");
  return start;
}
void *memset(void *to, int value, size_t bytes) {
  void *start = to;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
  return start;
}
void *memmove(void *to, const void *from, size_t bytes) {
  if ((u64)to - (u64)from >= bytes) return memcpy(to, from, bytes);
  u8 *target = to;
  const u8 *source = from;
  while (bytes--) target[bytes] = source[bytes];
  return to;
}

/* A number behind a word of the command line; otherwise: nobody said it. */
static u64 told(const char *word, u64 otherwise) {
  const char *line = boot_block.command_line;
  for (; *line; line++) {
    if (line != boot_block.command_line && line[-1] != ' ') continue;
    u32 same = 0;
    while (word[same] && line[same] == word[same]) same++;
    if (word[same]) continue;
    u64 value = 0;
    for (line += same; *line >= '0' && *line <= '9'; line++) value = value * 10 + (*line - '0');
    return value;
  }
  return otherwise;
}

static void cpuid(u32 leaf, u32 *a, u32 *b, u32 *c, u32 *d) { __asm__ volatile("cpuid" : "=a"(*a), "=b"(*b), "=c"(*c), "=d"(*d) : "a"(leaf), "c"(0)); }

/* Ticks in a millisecond, by the timer that PCs have (8254, 1,193,182 a second), over 10 ms; 0: there is none. */
static u64 khz_by_timer(void) {
  out8(0x43, 0x34);
  out8(0x40, 0);
  out8(0x40, 0);
  u32 last = 0, passed = 0;
  u64 begun = ticks();
  for (u32 looks = 0; looks < 10000000; looks++) {
    out8(0x43, 0);
    u32 count = in8(0x40);
    count |= in8(0x40) << 8;
    if (last) passed += (last - count) & 0xffff;
    last = count;
    if (passed >= 11932) return (ticks() - begun) * 1193182 / passed / 1000;
    if (looks == 1000 && passed == 0) return 0;
  }
  return 0;
}

static u64 find_khz(void) {
  u32 a, b, c, d, most;
  u64 khz = told("tsc_khz=", boot_block.tsc_khz);
  if (khz) return khz;
  cpuid(0, &most, &b, &c, &d);
  if (most >= 0x15) {
    cpuid(0x15, &a, &b, &c, &d);
    if (a && b && c) return (u64)c * b / a / 1000;
  }
  cpuid(0x40000000, &most, &b, &c, &d);
  if (b >= 0x20202020 && most >= 0x40000010 && most < 0x40001000) {
    cpuid(0x40000010, &a, &b, &c, &d);
    if (a) return a;
  }
  khz = khz_by_timer();
  if (!khz) give_up("nothing here says how fast the processor's clock is: add tsc_khz=N to the command line");
  return khz;
}

static u32 clock_byte(u8 which) {
  out8(0x70, which);
  u8 value = in8(0x71);
  return (value >> 4) * 10 + (value & 15);
}

/* Seconds since 1970 by the clock that PCs have, in BCD and 24 hours as monitors make it; 0: there is none. */
static u64 clock_seconds(void) {
  u32 year = clock_byte(9) + 2000, month = clock_byte(8), day = clock_byte(7);
  if (month < 1 || month > 12 || day < 1 || day > 31) return 0;
  u64 y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;
  u64 days = y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
  return ((days * 24 + clock_byte(4)) * 60 + clock_byte(2)) * 60 + clock_byte(0);
}

/* What our own monitor says, and others do not. */
static void find_out(void) {
  u32 a, b, c, d;
  boot_block.tsc_khz = find_khz();
  boot_block.wall_us = told("now=", clock_seconds()) * 1000000;
  cpuid(1, &a, &b, &c, &d);
  if (!(c & 1u << 30)) give_up("the processor gives no random numbers (RDRAND): give the guest another model");
  for (u32 i = 0; i < 4; i++) {
    u64 value = 0;
    u8 is_good = 0;
    for (u32 tries = 0; tries < 100 && !is_good; tries++) __asm__ volatile("rdrand %0; setc %1" : "=r"(value), "=qm"(is_good)::"cc");
    if (!is_good) give_up("the processor gives no random numbers");
    ((u64 *)boot_block.seed)[i] = value;
  }
}

void main(void) {
  if (boot_block.door != DOOR_OURS) find_out();
  memory_bytes = boot_block.linear_bytes & ~0xfffful;
  if (memory_bytes < 0x400000) give_up("there is too little memory: 8 MiB are the least");
  tick_at_start = ticks();
  microseconds_shift_32 = (1000ul << 32) / boot_block.tsc_khz;

  /* What the module takes to be zeros when it begins: under other monitors a firmware may have written there. */
  if (boot_block.door != DOOR_OURS) memset((u8 *)LINEAR_VIRTUAL + LINEAR_GUARD, 0, STATIC_BYTES);
  module_instantiate();
  u32 block = module_bootBlock();
  if ((u64)block + sizeof boot_block > memory_bytes) give_up("the module has no place for what the monitor says");
  __builtin_memcpy((u8 *)LINEAR_VIRTUAL + block, &boot_block, sizeof boot_block);
  /* The place of linear memory in the machine, by which devices know it. */
  *(u32 *)(LINEAR_VIRTUAL + (u64)block) = LINEAR_PHYSICAL;
  u32 status = module_begin(now_us());
  if (status) end_guest(status);

  /* How long to look for more before it rests: where others wait for the same processor, hardly at all. */
  u64 spin = told("spin_us=", boot_block.door == DOOR_OURS ? 0 : 50);
  for (u64 busy = now_us();;) {
    u64 now = now_us();
    if (module_turn(now)) {
      busy = now;
      continue;
    }
    if (now - busy < spin) {
      __asm__ volatile("pause");
      continue;
    }
    u32 wait = module_rest(now);
    if (boot_block.door == DOOR_OURS && wait) {
      out32(PORT_PARK, wait);
      busy = now_us();
    } else __asm__ volatile("pause");
  }
}
