/* A module that wasm2c (wabt) and gcc compiled, as host.c knows it, and what its code calls. */
#include "module.h"
#include "image.h"

static Z_module_instance_t module;
static wasm_rt_memory_t memory;

/* The module's imports. */
wasm_rt_memory_t *Z_envZ_memory(struct Z_env_instance_t *host) { return &memory; }
u32 Z_hostZ_readRegister(struct Z_host_instance_t *host, u32 address) { return host_readRegister(address); }
void Z_hostZ_writeRegister(struct Z_host_instance_t *host, u32 address, u32 value) { host_writeRegister(address, value); }
void Z_hostZ_fence(struct Z_host_instance_t *host) { host_fence(); }
void Z_hostZ_order(struct Z_host_instance_t *host) { host_order(); }
void Z_hostZ_say(struct Z_host_instance_t *host, u32 text, u32 length) { host_say(text, length); }
void Z_hostZ_endGuest(struct Z_host_instance_t *host, u32 status) { host_endGuest(status); }

/* What code of wasm2c calls. */
void wasm_rt_trap(wasm_rt_trap_t code) { module_trapped(code); }
bool wasm_rt_is_initialized(void) { return true; }
void abort(void) { wasm_rt_trap(WASM_RT_TRAP_UNREACHABLE); }
void __assert_fail(const char *what, const char *file, unsigned line, const char *function) { abort(); }
u32 wasm_rt_register_func_type(u32 parameters, u32 results, ...) {
  static u32 known;
  /* Types that are the same get different numbers: the module calls a table's functions by the type that the table was filled with, or not at all. */
  return ++known;
}
void wasm_rt_allocate_funcref_table(wasm_rt_funcref_table_t *table, u32 elements, u32 most) {
  static wasm_rt_funcref_t room[512];
  if (elements > 512) give_up("the module's table of functions is too long");
  table->data = room;
  table->size = elements;
  table->max_size = elements;
}
void wasm_rt_free_funcref_table(wasm_rt_funcref_table_t *table) {}
void wasm_rt_free_memory(wasm_rt_memory_t *gone) {}
u32 wasm_rt_grow_memory(wasm_rt_memory_t *grown, u32 pages) { return -1; }

/* Rounding, as code of wasm2c calls it; what no module uses is left out by the linker. */
static int has_fraction(double value) { return value > -4503599627370496.0 && value < 4503599627370496.0 && (double)(long)value != value; }
double trunc(double value) { return has_fraction(value) ? __builtin_copysign((double)(long)value, value) : value; }
double floor(double value) { return has_fraction(value) && trunc(value) > value ? trunc(value) - 1 : trunc(value); }
double ceil(double value) { return has_fraction(value) && trunc(value) < value ? __builtin_copysign(trunc(value) + 1, value) : trunc(value); }
double nearbyint(double value) {
  /* To the nearest whole number, halves to even ones: what adding 2^52 does. */
  double far = __builtin_copysign(4503599627370496.0, value);
  return has_fraction(value) ? __builtin_copysign(value + far - far, value) : value;
}

/* What host.c calls. */
void module_instantiate(void) {
  memory.data = (u8 *)LINEAR_VIRTUAL;
  memory.pages = memory.max_pages = memory_bytes >> 16;
  memory.size = memory_bytes;
  Z_module_init_module();
  Z_module_instantiate(&module, 0, 0);
}
u32 module_bootBlock(void) { return Z_moduleZ_bootBlock(&module); }
u32 module_begin(u32 now) { return Z_moduleZ_begin(&module, now); }
u32 module_turn(u32 now) { return Z_moduleZ_turn(&module, now); }
u32 module_rest(u32 now) { return Z_moduleZ_rest(&module, now); }
