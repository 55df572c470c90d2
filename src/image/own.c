/* A module that our own compiler compiled (src/compile/), as host.c knows it: its entries are functions of C already, and its object file has the rest by
   name. wasm2c.c is the same for wasm2c and gcc. */
#include "image.h"

/* Of the module's object (src/compile/elf-object.ts). */
extern u64 module_memory_at, module_memory_bytes;
extern u32 module_pages;
extern const u32 module_data[];
extern void module_start(void) __attribute__((weak));

void module_instantiate(void) {
  module_memory_at = LINEAR_VIRTUAL;
  module_memory_bytes = memory_bytes;
  module_pages = memory_bytes >> 16;
  /* Address, length and bytes up to a whole word, until a length of 0. */
  for (const u32 *piece = module_data; piece[1]; piece += 2 + (piece[1] + 3) / 4) {
    if ((u64)piece[0] + piece[1] > memory_bytes) give_up("the module's data lies outside of memory");
    __builtin_memcpy((u8 *)LINEAR_VIRTUAL + piece[0], piece + 2, piece[1]);
  }
  if (module_start) module_start();
}
