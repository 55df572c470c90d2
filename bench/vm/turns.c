// A guest's processor without a machine: the loop that stands around a module (src/image/host.c, src/core/around/machine.ts) with a budget that has no end, in a thread of whoever calls.
// Built as a library. Not here: the module.
#include <stdint.h>

struct turns {
  uint32_t stop, reserved;
  // Ticks of the processor's clock: now, and those of turns in which something was done.
  uint64_t now, busy;
};

static inline uint64_t ticks(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return low | (uint64_t)high << 32;
}

void run_turns(uint64_t turn_at, volatile struct turns *it) {
  uint32_t (*turn)(uint32_t) = (uint32_t(*)(uint32_t))turn_at;
  uint64_t now = ticks();
  while (!it->stop) {
    // Microseconds, more or less.
    uint32_t did = turn((uint32_t)(now >> 11));
    uint64_t then = ticks();
    if (did) {
      it->busy += then - now;
      it->now = then;
    } else __asm__ volatile("pause");
    now = then;
  }
}

static void fence(void) { __asm__ volatile("lock orl $0, (%%rsp)" ::: "memory"); }
uint64_t fence_address(void) { return (uint64_t)fence; }
