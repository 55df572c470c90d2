// Holds a measurement against its prediction, witness by witness: the meter's counters where its tier sees them, and the
// lab's own programs. What no witness of this host can see is said to be unseen; it never counts as agreement.

import type { Counters } from '../meter/index.js';
import type { Predicted } from './prediction.js';
import type { Experiment, Measured } from './run.js';

/** How a measurement stands to its prediction. */
export interface Verdict {
  readonly agrees: boolean;
  /** Predicted bytes that nothing here could see. */
  readonly unseenBytes: number;
  /** Where they differ, in words. */
  readonly differences: readonly string[];
  /** Bytes copied on the sending side and the path, as far as seen: by the call, reverted, linearised and the like. */
  readonly copiedBytes: number;
}

/** Retransmitted bytes are copied again: at most this part more is taken for the same. */
const retransmitted = 0.1;

/** Rules by the kernel function that copies: who can witness it. On the function tier the meter sees every one. */
const witnessOfRule: readonly (readonly [string, 'reverted' | 'arrivedLinear' | 'none'])[] = [
  ['dev_queue_xmit_nit', 'none'],
  ['skb_orphan_frags_rx', 'reverted'],
  ['bpf_skb_pull_data', 'arrivedLinear'],
  ['skb_segment', 'arrivedLinear'],
  ['skb_checksum_help', 'arrivedLinear'],
  ['veth_xdp_rcv_skb', 'arrivedLinear'],
  ['netif_receive_generic_xdp', 'arrivedLinear'],
];

function expected(predicted: Predicted): Record<'reverted' | 'arrivedLinear' | 'none', number> {
  const sums = { reverted: 0, arrivedLinear: 0, none: 0 };
  for (const { rule, bytes } of predicted.rules) {
    sums[witnessOfRule.find(([part]) => rule.includes(part))?.[1] ?? 'none'] += bytes;
  }
  return sums;
}

const inKernel = ['reverted', 'linearised', 'segmented', 'xdpCopied', 'captured', 'otherCopied'] as const;

/** Bytes of payload copied between the sending call and the receiver, as far as the meter and the lab's programs see. */
function copiedOnPath(counters: Counters, arrivedLinear: number): number {
  if (counters.linearised === undefined) return (counters.reverted ?? 0) + arrivedLinear;
  return inKernel.reduce((sum, name) => sum + (counters[name] ?? 0), 0);
}

/** Judges an experiment that was measured; undefined for one that was skipped. */
export function judge(experiment: Experiment): Verdict | undefined {
  const { measured, predicted } = experiment;
  if (measured === undefined) return undefined;
  const differences: string[] = [];
  const compare: Compare = (what, want, got, most = want) => {
    if (got < want || got > most) differences.push(`${what}: ${want} bytes predicted, ${got} measured`);
  };
  const { counters } = measured;
  const sums = expected(predicted);
  compare('copied by the call', predicted.byTheCall, counters.tcpSent ?? 0);
  compare('received', predicted.received, counters.tcpReceived ?? 0);
  compareWitnesses(measured, sums, compare);
  compareGathered(experiment, sums.arrivedLinear, compare);
  const seesAll = counters.linearised !== undefined;
  return {
    agrees: differences.length === 0,
    unseenBytes: seesAll ? 0 : sums.none,
    differences,
    copiedBytes: (counters.tcpSent ?? 0) + copiedOnPath(counters, measured.arrivedLinear),
  };
}

type Compare = (what: string, want: number, got: number, most?: number) => void;

const within = (bytes: number) => Math.ceil(bytes * (1 + retransmitted));

/** Headers that are copied with each segment's payload: 66 bytes for 1,448, and more where options take room. */
const headerShare = 0.06;

/**
 * Holds the meter's own counters to the prediction, where its tier has them: what was linearised, copied for XDP or, where
 * segments had to be made of payload, segmented. Without such a rule on the path, not one byte may have been.
 */
function compareGathered({ measured, predicted }: Experiment, want: number, compare: Compare): void {
  const { linearised, xdpCopied = 0, segmented = 0 } = measured!.counters;
  if (linearised === undefined) return;
  const bySegments = predicted.rules.some(({ rule }) => rule.includes('skb_segment'));
  const got = linearised + xdpCopied + (bySegments ? segmented : 0);
  compare('linearised, by the meter', want, got, Math.ceil(within(want) * (1 + headerShare)));
}

function compareWitnesses(
  { counters, arrivedLinear, program }: Measured,
  sums: Record<'reverted' | 'arrivedLinear' | 'none', number>,
  compare: Compare,
): void {
  compare('arrived linear', sums.arrivedLinear, arrivedLinear, within(sums.arrivedLinear));
  if (program !== undefined && program.linearised > 0) {
    compare('linearised by the program', sums.arrivedLinear, program.linearised, within(sums.arrivedLinear));
  }
  const reverted = counters.linearised === undefined ? sums.reverted : sums.reverted + sums.none;
  compare('reverted', reverted, counters.reverted ?? 0, within(reverted));
}
