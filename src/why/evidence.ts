// The record that `why` judges: what the meter counted, and what the host said of the devices, programs, captures and
// sockets on the way. Data only; gathering it is gather.ts, judging it rules.ts.

import type { Offloads } from '../kernel/ethtool.js';
import type { Counters } from '../meter/accounts/accounts.js';
import type { Tier } from '../meter/accounts/causes.js';
import type { Blame } from '../meter/functions/stacks.js';

/** A network device that carried traffic while the meter ran. */
export interface DeviceEvidence {
  readonly name: string;
  readonly kind: 'loopback' | 'veth' | 'tunnel' | 'other';
  readonly mtu: number;
  readonly offloads: Offloads;
  /** Bytes it sent and received during the interval, whoever's they were. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** An XDP program, and how it is attached. */
  readonly xdp?: { readonly mode: 'driver' | 'generic' | 'offloaded'; readonly program: string };
  readonly tcPrograms: readonly { readonly direction: 'ingress' | 'egress'; readonly program: string }[];
}

/** What one process did. */
export interface ProcessEvidence {
  readonly processId: number;
  readonly command: string;
  readonly counters: Counters;
  /** What it read by read(2) and the like, of files, pipes and sockets together (/proc/PID/io); absent if it is gone. */
  readonly readBytes?: number;
}

/** A socket with notices of MSG_ZEROCOPY that nobody took. */
export interface UnreadNotices {
  readonly processId: number;
  readonly ends: string;
  readonly heldBytes: number;
}

/** Everything that `why` judges. What could not be asked is absent, and named in `unasked`. */
export interface Evidence {
  readonly tier: Tier;
  readonly counters: Counters;
  readonly processes: readonly ProcessEvidence[];
  readonly devices: readonly DeviceEvidence[];
  /** Packet sockets that see IP packets, by the process that holds them where that is known. */
  readonly captures: readonly string[];
  readonly unreadNotices: readonly UnreadNotices[];
  /** The size from which a zero-copy send is worth it, and where the figure comes from. */
  readonly breakEven: { readonly bytes: number; readonly source: string };
  /** On which kernel stacks zero-copy was reverted and buffers were linearised, of those in scope; absent where none were kept. */
  readonly stacks?: readonly Blame[];
  readonly unasked: readonly string[];
}

/** One cause of copies, in plain sentences. */
export interface Reason {
  /** The rule that found it. */
  readonly rule: string;
  readonly says: string;
  /** What to do; a shell command where one does it. */
  readonly remedy: string;
  /** Copied bytes that the remedy would have saved; 0 where it saves time and no copy. */
  readonly savesBytes: number;
  /** Whether the bytes were counted, or follow from what was counted and how the host is set up. */
  readonly certainty: 'counted' | 'inferred';
  readonly evidence: readonly string[];
}

/** What a rule would need to see, on this tier or host. */
export interface Blind {
  readonly rule: string;
  readonly says: string;
}

/** The answer: reasons, the one that saves most first, and what could not be judged. */
export interface Why {
  readonly reasons: readonly Reason[];
  readonly blind: readonly Blind[];
}
