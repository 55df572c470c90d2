// The workers' accounts as Prometheus text (exposition format 0.0.4).

import { bypassFamilies } from '../bypass/figures.js';
import { copyReasonNames } from '../memory/copy.js';
import { familyText, type MetricRow } from '../text/prometheus.js';
import { sendModeNames } from '../transport/send-modes.js';
import { opensBy } from './host-notes.js';
import { latencyBoundsMs, type MetricName, type Metrics, turnBoundsMs, wayNames } from './metrics.js';
import { processFamilies } from './process-metrics.js';

/** What is one number: its type, name, account and meaning. */
const single = [
  ['gauge', 'clearway_connections', 'connectionsOpen', 'Open connections.'],
  ['counter', 'clearway_connections_accepted_total', 'connectionsAccepted', 'Connections accepted.'],
  ['counter', 'clearway_connections_refused_total', 'connectionsRefused', 'Connections over the cap.'],
  ['counter', 'clearway_accept_errors_total', 'acceptErrors', 'Failures to accept.'],
  ['counter', 'clearway_slow_readers_total', 'slowReaders', 'Connections ended below the minimum rate.'],
  ['counter', 'clearway_timeouts_total', 'timeouts', 'Connections that a time limit ended.'],
  ['counter', 'clearway_parse_errors_total', 'parseErrors', 'Requests refused by the parser.'],
  ['counter', 'clearway_failures_total', 'failures', 'Requests that could not be answered by a fault of the server.'],
  ['counter', 'clearway_cold_reads_total', 'coldFetches', 'Ranges that had to be fetched from disk.'],
  [
    'counter',
    'clearway_truncated_total',
    'truncated',
    'Files that shrank, and films that were written to, while they were sent.',
  ],
  [
    'counter',
    'clearway_file_errors_total',
    'fileErrors',
    'Failures of the file system: files that were not opened or read.',
  ],
  ['gauge', 'clearway_open_files', 'openFiles', 'Open descriptors of served files.'],
  ['gauge', 'clearway_known_paths', 'knownPaths', 'Paths that are known, and need not be looked up.'],
  ['gauge', 'clearway_known_bytes', 'knownBytes', 'Memory that known paths take.'],
  ['gauge', 'clearway_frames', 'framesLeased', 'Frames that hold responses.'],
  ['gauge', 'clearway_frame_bytes', 'frameBytes', 'Memory of the frames that hold responses.'],
  ['gauge', 'clearway_cached_responses', 'cachedResponses', 'Responses kept in frames.'],
  ['gauge', 'clearway_films', 'filmsKept', 'Films whose tables are kept.'],
  ['gauge', 'clearway_film_bytes', 'filmBytes', 'Memory that tables of films and what was made of them take.'],
  ['gauge', 'clearway_receive_frames', 'receiveFramesLent', 'Receive frames in use.'],
  ['gauge', 'clearway_head_frames', 'headFramesLeased', 'Frames that hold heads being sent.'],
  ['counter', 'clearway_log_records_total', 'logRecords', 'Access-log records, written or waiting.'],
  ['counter', 'clearway_log_dropped_total', 'logDropped', 'Access-log records that were lost.'],
  ['gauge', 'clearway_log_waiting_bytes', 'logWaitingBytes', 'Bytes of the access log that wait for its reader.'],
] as const;

/** Files that are pinned in memory, which is the process's and no worker's. */
export interface PinnedFigures {
  readonly files: number;
  readonly bytes: number;
}

/** Makes the text from the accounts of all workers. */
export function metricsText(workers: readonly Metrics[], engine: string, pinned?: PinnedFigures): string {
  const sum = (name: MetricName, index = 0): number =>
    workers.reduce((total, each) => total + each.get(name, index), 0);
  let text = '';
  const family = (name: string, type: string, help: string, rows: readonly MetricRow[]): void => {
    text += familyText(name, type, help, rows);
  };

  family('clearway_info', 'gauge', 'The engine that serves.', [[`{engine="${engine}"}`, 1]]);
  family('clearway_opens_info', 'gauge', 'How files are opened beneath the root.', [[`{by="${opensBy()}"}`, 1]]);
  for (const { name, type, help, value } of processFamilies()) family(name, type, help, [['', value]]);
  const classes = [1, 2, 3, 4, 5].map((each) => [`{status="${each}xx"}`, sum('requests', each)] as const);
  family('clearway_requests_total', 'counter', 'Responses by class of their status.', classes);
  const wayRows = (metric: MetricName) => wayNames.map((way, index) => [`{way="${way}"}`, sum(metric, index)] as const);
  family('clearway_responses_total', 'counter', 'Responses by the way their body left.', wayRows('wayResponses'));
  family('clearway_body_bytes_total', 'counter', 'Body bytes by the way they left.', wayRows('wayBytes'));
  const modes = sendModeNames.map((mode, index) => [`{mode="${mode}"}`, sum('modeBytes', index)] as const);
  family(
    'clearway_file_bytes_total',
    'counter',
    'Bytes of responses with files, by the system call that sent them.',
    modes,
  );
  const outcomes = ['referenced', 'copied'].map(
    (outcome, index) => [`{outcome="${outcome}"}`, sum('references', index)] as const,
  );
  family(
    'clearway_zerocopy_sends_total',
    'counter',
    'Sends from pinned memory (SEND_ZC), as the kernel says it treated them.',
    outcomes,
  );
  const copied = copyReasonNames.map((reason, index) => [`{reason="${reason}"}`, sum('copied', index)] as const);
  family('clearway_copied_bytes_total', 'counter', 'Bytes copied in user space, by reason.', copied);

  if (engine === 'bypass') text += bypassFamilies((index) => sum('bypass', index));

  const histogram = (boundsMs: readonly number[], metric: MetricName, sumMs: MetricName): MetricRow[] => {
    let count = 0;
    const rows = boundsMs.map((boundMs, index): MetricRow => {
      count += sum(metric, index);
      return [`_bucket{le="${boundMs / 1000}"}`, count];
    });
    count += sum(metric, boundsMs.length);
    return [...rows, ['_bucket{le="+Inf"}', count], ['_sum', sum(sumMs) / 1000], ['_count', count]];
  };
  family(
    'clearway_request_duration_seconds',
    'histogram',
    'From a request to its last byte in the kernel.',
    histogram(latencyBoundsMs, 'latency', 'latencySumMs'),
  );
  family(
    'clearway_turn_duration_seconds',
    'histogram',
    'How long a turn of the loop was busy, without what the kernel sends for io_uring between two: the others wait meanwhile.',
    histogram(turnBoundsMs, 'turns', 'turnsSumMs'),
  );

  for (const [type, name, metric, help] of single) family(name, type, help, [['', sum(metric)]]);
  family('clearway_pinned_files', 'gauge', 'Files that are pinned in memory.', [['', pinned?.files ?? 0]]);
  family('clearway_pinned_bytes', 'gauge', 'Memory that pinned files take.', [['', pinned?.bytes ?? 0]]);
  return text;
}
