// Structures of AF_XDP (include/uapi/linux/if_xdp.h): where each field sits and how wide it is, in bytes, named as the kernel names them.
// headers.test.ts holds every offset and size to the kernel's own headers.

/** bind's argument. */
export const sockaddr_xdp = {
  size: 16,
  fields: {
    sxdp_family: { offset: 0, size: 2 },
    sxdp_flags: { offset: 2, size: 2 },
    sxdp_ifindex: { offset: 4, size: 4 },
    sxdp_queue_id: { offset: 8, size: 4 },
    sxdp_shared_umem_fd: { offset: 12, size: 4 },
  },
} as const;

/** Memory for packets, as it is registered. */
export const xdp_umem_reg = {
  size: 32,
  fields: {
    addr: { offset: 0, size: 8 },
    len: { offset: 8, size: 8 },
    chunk_size: { offset: 16, size: 4 },
    headroom: { offset: 20, size: 4 },
    flags: { offset: 24, size: 4 },
  },
} as const;

/** Where the words of a ring are in its mapping. */
export const xdp_ring_offset = {
  size: 32,
  fields: {
    producer: { offset: 0, size: 8 },
    consumer: { offset: 8, size: 8 },
    desc: { offset: 16, size: 8 },
    flags: { offset: 24, size: 8 },
  },
} as const;

/** Those of all four rings. */
export const xdp_mmap_offsets = {
  size: 128,
  fields: {
    rx: { offset: 0, size: 32 },
    tx: { offset: 32, size: 32 },
    fr: { offset: 64, size: 32 },
    cr: { offset: 96, size: 32 },
  },
} as const;

/** An entry of the rings of packets; those of frames are 8 bytes, an address. */
export const xdp_desc = {
  size: 16,
  fields: {
    addr: { offset: 0, size: 8 },
    len: { offset: 8, size: 4 },
    options: { offset: 12, size: 4 },
  },
} as const;

/** What the kernel counted. */
export const xdp_statistics = {
  size: 48,
  fields: {
    rx_dropped: { offset: 0, size: 8 },
    rx_invalid_descs: { offset: 8, size: 8 },
    tx_invalid_descs: { offset: 16, size: 8 },
    rx_ring_full: { offset: 24, size: 8 },
    rx_fill_ring_empty_descs: { offset: 32, size: 8 },
    tx_ring_empty_descs: { offset: 40, size: 8 },
  },
} as const;

/** How a socket was bound. */
export const xdp_options = {
  size: 4,
  fields: {
    flags: { offset: 0, size: 4 },
  },
} as const;
