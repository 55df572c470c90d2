// The floor for stops of a guest: the loop that a monitor in C would have, over the same processor and run area that our own has set up. It answers what the probe asks for: registers of a
// device in a page at 0xd0000000, bytes on the serial line, the end. Built as a library (cc -O2 -shared -fPIC), and called in the process whose machine it is: KVM serves no other.
#include <errno.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

enum { SERIAL = 0x3f8, END = 0xf4 };
static const uint64_t devices = 0xd0000000;

static uint32_t registers[64];
static char line[4096];
static unsigned line_bytes;

static void access_register(struct kvm_run *run) {
  uint64_t at = run->mmio.phys_addr - devices;
  uint32_t value = 0;
  if (at >= 256 || at % 4 || run->mmio.len != 4) {
    if (!run->mmio.is_write) memset(run->mmio.data, 0xff, 8);
    return;
  }
  if (run->mmio.is_write) {
    memcpy(&value, run->mmio.data, 4);
    registers[at / 4] = value;
    return;
  }
  value = registers[at / 4];
  memcpy(run->mmio.data, &value, 4);
}

// Runs until the guest ends itself. Returns how often it stopped, or -errno, or -1000 - REASON.
long run_guest(int processor, int64_t area) {
  struct kvm_run *run = (struct kvm_run *)area;
  for (long stops = 1;; stops++) {
    if (ioctl(processor, KVM_RUN, 0) < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      return -errno;
    }
    if (run->exit_reason == KVM_EXIT_MMIO) access_register(run);
    else if (run->exit_reason == KVM_EXIT_IO) {
      char *bytes = (char *)run + run->io.data_offset;
      unsigned length = run->io.size * run->io.count;
      if (run->io.direction != KVM_EXIT_IO_OUT) memset(bytes, 0xff, length);
      else if (run->io.port == END) return stops;
      else if (run->io.port == SERIAL)
        for (unsigned index = 0; index < length; index++) {
          if (bytes[index] == '\n' || line_bytes == sizeof line) line_bytes = 0;
          else line[line_bytes++] = bytes[index];
        }
    } else return -1000 - (long)run->exit_reason;
  }
}
