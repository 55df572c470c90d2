/* What the parts of an image say to one another. */
#ifndef IMAGE_H
#define IMAGE_H
#include "layout.h"

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

/* What the monitor said. src/vmm/boot.ts writes the same. */
struct boot_block {
  u32 magic, door;
  u64 linear_bytes, tsc_khz, wall_us;
  u8 seed[32];
  char command_line[COMMAND_LINE_BYTES];
};
extern struct boot_block boot_block;

enum { END_TRAP = 0x7e };

/* Of the module (wasm2c.c). */
void module_instantiate(void);
u32 module_bootBlock(void), module_begin(u32 now), module_turn(u32 now), module_rest(u32 now);
/* Of host.c, for the module. */
extern u64 memory_bytes;
void module_trapped(u32 code) __attribute__((noreturn));
void give_up(const char *why) __attribute__((noreturn));
u32 host_readRegister(u32 address);
void host_writeRegister(u32 address, u32 value), host_fence(void), host_order(void), host_say(u32 text, u32 length), host_endGuest(u32 status);

static inline void out8(u16 port, u8 value) { __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port)); }
static inline void out32(u16 port, u32 value) { __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port)); }
static inline u8 in8(u16 port) {
  u8 value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static inline void __attribute__((unused)) say_bytes(const char *text, u64 length) { __asm__ volatile("rep outsb" : "+S"(text), "+c"(length) : "d"(PORT_SERIAL) : "memory"); }

static inline void say_text(const char *text) {
  u64 length = 0;
  while (text[length]) length++;
  say_bytes(text, length);
}

static inline void say_hex(u64 value) {
  char text[18] = "0x";
  for (int i = 0; i < 16; i++) text[2 + i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
  say_bytes(text, 18);
}

/* Ends the guest with a status, as isa-debug-exit of QEMU and our monitor understand it. */
static inline void __attribute__((noreturn)) end_guest(u8 status) {
  out8(PORT_END, status);
  for (;;) __asm__ volatile("pause");
}
#endif
