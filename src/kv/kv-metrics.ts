// The account of a store as Prometheus text, and as a live screen. Not here: who counts (src/core/kv), who serves it (cli/kv.ts).

import { bypassFamilies } from '../bypass/figures.js';
import { copyReasonNames } from '../memory/copy.js';
import { familyText, labelText } from '../text/prometheus.js';
import { formatBytes } from '../text/units.js';
import type { StoreCounts } from './store.js';

/** What is counted of a store and its listener. */
export interface KvCounts extends StoreCounts {
  readonly accepted: number;
  readonly refused: number;
  /** Bytes copied in user space outside of the store, by reason. */
  readonly copied: readonly number[];
  /** What our own TCP/IP counted, in the order of bypassFigureNames; undefined: the kernel's is used. */
  readonly bypass?: readonly number[];
}

type Figure = Exclude<keyof KvCounts, 'copied' | 'bypass'>;

const families: readonly (readonly [name: string, type: 'counter' | 'gauge', help: string, figure: Figure])[] = [
  ['clearway_kv_memory_bytes', 'gauge', 'Memory for data, clients and their replies.', 'usedMemory'],
  ['clearway_kv_memory_peak_bytes', 'gauge', 'The most that it was.', 'peakMemory'],
  ['clearway_kv_keys', 'gauge', 'Keys.', 'keys'],
  ['clearway_kv_clients', 'gauge', 'Clients that are connected.', 'clients'],
  ['clearway_kv_commands_total', 'counter', 'Commands that were executed.', 'commands'],
  ['clearway_kv_hits_total', 'counter', 'Look-ups that found a key.', 'hits'],
  ['clearway_kv_misses_total', 'counter', 'Look-ups that found none.', 'misses'],
  ['clearway_kv_expired_total', 'counter', 'Keys whose time was over.', 'expired'],
  ['clearway_kv_evicted_total', 'counter', 'Keys that made room for others.', 'evicted'],
  ['clearway_kv_error_replies_total', 'counter', 'Replies that were errors.', 'errorReplies'],
  ['clearway_kv_protocol_errors_total', 'counter', 'Clients that spoke no RESP.', 'protocolErrors'],
  ['clearway_kv_memory_refused_total', 'counter', 'Commands refused because memory was full.', 'refusedForMemory'],
  ['clearway_kv_slow_readers_closed_total', 'counter', 'Clients that did not read their replies.', 'outputLimitClosed'],
  [
    'clearway_kv_unfinished_closed_total',
    'counter',
    'Clients whose unfinished commands took the room of others.',
    'queryLimitClosed',
  ],
  ['clearway_kv_auth_failed_total', 'counter', 'Wrong passwords.', 'authFailed'],
  ['clearway_kv_input_bytes_total', 'counter', 'Bytes of requests.', 'inputBytes'],
  ['clearway_kv_output_bytes_total', 'counter', 'Bytes of replies.', 'outputBytes'],
  ['clearway_kv_connections_accepted_total', 'counter', 'Connections that were accepted.', 'accepted'],
  ['clearway_kv_connections_refused_total', 'counter', 'Connections beyond --maxclients.', 'refused'],
];

/** The metrics of a store. */
export function kvMetrics(counts: KvCounts, engine: string): string {
  const copies = copyReasonNames.map((reason, index) => [labelText({ reason }), counts.copied[index] ?? 0] as const);
  return [
    familyText('clearway_kv_info', 'gauge', 'The store.', [[labelText({ engine }), 1]]),
    ...families.map(([name, type, help, figure]) => familyText(name, type, help, [['', counts[figure]]])),
    familyText('clearway_copied_bytes_total', 'counter', 'Bytes copied in user space, by reason.', [
      ...copies,
      [labelText({ reason: 'store' }), counts.coreCopiedBytes],
    ]),
    counts.bypass === undefined ? '' : bypassFamilies((index) => counts.bypass![index]!),
  ].join('');
}

/** One screen of what the store did in the last `seconds`. */
export function kvScreen(now: KvCounts, before: KvCounts | undefined, seconds: number): string {
  const perSecond = (figure: Figure): string =>
    Math.round(Math.max(0, now[figure] - (before?.[figure] ?? 0)) / seconds).toLocaleString('en');
  const lookUps = now.hits + now.misses - (before === undefined ? 0 : before.hits + before.misses);
  const found = now.hits - (before?.hits ?? 0);
  const rows: readonly (readonly [string, string])[] = [
    ['commands/s', perSecond('commands')],
    ['found', lookUps === 0 ? '-' : `${Math.round((found / lookUps) * 100)} %`],
    ['keys', now.keys.toLocaleString('en')],
    ['memory', `${formatBytes(now.usedMemory)} (most ${formatBytes(now.peakMemory)})`],
    ['clients', String(now.clients)],
    ['expired/s, evicted/s', `${perSecond('expired')}, ${perSecond('evicted')}`],
    ['errors/s', perSecond('errorReplies')],
    ['in, out since the start', `${formatBytes(now.inputBytes)}, ${formatBytes(now.outputBytes)}`],
  ];
  return rows.map(([name, value]) => `${name.padEnd(24)}${value}\n`).join('');
}
