/* A module that our own compiler compiled (src/compile/), as host.c knows it: its entries are functions of C already, and its object file has the rest by
   name. wasm2c.c is the same for wasm2c and gcc. */
#include "image.h"

/* Of the module's object (src/compile/elf-object.ts). */
extern u64 module_memory_at, module_memory_bytes;
extern u32 module_pages;
extern const u8 module_data[];
extern void module_start(void) __attribute__((weak));

void module_instantiate(void) {
  module_memory_at = LINEAR_VIRTUAL;
  module_memory_bytes = memory_bytes;
  module_pages = memory_bytes >> 16;
  /* The first address; then for each piece how far it is behind the one before, its length and its bytes, until there is neither. */
  u64 at = *(const u32 *)module_data;
  for (const u8 *piece = module_data + 4;; piece += 4) {
    u32 gap = ((const u16 *)piece)[0], length = ((const u16 *)piece)[1];
    if (!gap && !length) break;
    at += gap;
    if (at + length > memory_bytes) give_up("the module's data lies outside of memory");
    __builtin_memcpy((u8 *)LINEAR_VIRTUAL + at, piece + 4, length);
    at += length;
    piece += length;
  }
  if (module_start) module_start();
}
