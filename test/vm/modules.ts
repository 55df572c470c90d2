// What the guests are made of besides their root: which kernels, and which modules of theirs.

/** Debian's kernels, by series; `newest` is the newest one that it offers. */
export const guestSeries: readonly string[] = ['6.1', '6.12', 'newest'];

/** What the tests need beside the root's modules: the kernel's own way of loading them does not work in a guest. */
export const guestModules: readonly string[] = [
  ...[
    'veth',
    'virtio_net',
    'sch_ingress',
    'cls_bpf',
    'nf_tables',
    'nft_compat',
    'xt_TCPMSS',
    'xt_tcpudp',
    'iptable_mangle',
  ],
  ...['tls', 'gcm', 'ghash_generic', 'ctr', 'aesni_intel', 'loop', 'ext4', 'crc32c_generic', 'vsock_loopback'],
  // Guests of the guest: QEMU emulates AMD's virtualisation.
  ...['kvm', 'kvm-amd', 'tun'],
];
