// AF_XDP: options, flags and places of rings (include/uapi/linux/if_xdp.h), and what an XDP program answers (linux/bpf.h).
// Data only, named as the kernel names it: XDP_UMEM_REG is XDP.UMEM_REG. headers.test.ts holds every value to the kernel's own headers.

/** Options of SOL.XDP; flags of bind and of rings; where rings are mapped; a program's answers. */
export const XDP = {
  MMAP_OFFSETS: 1,
  RX_RING: 2,
  TX_RING: 3,
  UMEM_REG: 4,
  UMEM_FILL_RING: 5,
  UMEM_COMPLETION_RING: 6,
  STATISTICS: 7,
  OPTIONS: 8,
  SHARED_UMEM: 1,
  COPY: 2,
  ZEROCOPY: 4,
  USE_NEED_WAKEUP: 8,
  OPTIONS_ZEROCOPY: 1,
  RING_NEED_WAKEUP: 1,
  PGOFF_RX_RING: 0,
  PGOFF_TX_RING: 0x8000_0000,
  UMEM_PGOFF_FILL_RING: 0x1_0000_0000,
  UMEM_PGOFF_COMPLETION_RING: 0x1_8000_0000,
  ABORTED: 0,
  DROP: 1,
  PASS: 2,
  REDIRECT: 4,
} as const;
