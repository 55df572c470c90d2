// The two ways that are compared, in words: what each loses, what isolation it leaves, what it has to be permitted. docs/bypass.md has the same, at length; a test holds
// the lists of losses together. Not here: figures.

/** The two ways. */
export const wayNames = ['kernel', 'bypass'] as const;
/** One of {@link wayNames}. */
export type WayName = (typeof wayNames)[number];

/** What is said of a way. */
export interface WayWords {
  readonly title: string;
  /** What does not work any more: the first column of docs/bypass.md's table. */
  readonly lost: readonly string[];
  readonly isolation: string;
  readonly privileges: string;
}

/** The words for each. */
export const ways: Readonly<Record<WayName, WayWords>> = {
  kernel: {
    title: 'kernel sockets',
    lost: [],
    isolation: "all of the kernel's: its TCP/IP is out of the server's reach, filters and limits hold for every packet",
    privileges: 'none',
  },
  bypass: {
    title: 'own TCP/IP',
    lost: [
      'netfilter, `nft`, `iptables`, `ss`, `netstat`',
      '`tcpdump` on the interface',
      'routes, policy routing, bonding',
      'several programs on one address',
      'what the card does for TCP (cutting large sends, joining received packets)',
      'pacing (`--pace`), references to pinned pages, pipes',
    ],
    isolation:
      "the kernel keeps the interface and all other addresses; packets of these are the process's alone, each frame checked by its owner, the stack within the bounds of its WebAssembly memory",
    privileges: '`CAP_NET_RAW`, `CAP_NET_ADMIN` and `CAP_BPF`; 32 MiB of locked memory a queue',
  },
};
