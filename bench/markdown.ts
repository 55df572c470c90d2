// What `--markdown` writes: the page of all tables, and the README's short one. What was written by hand stays: in the page all
// behind a heading, in the README all outside two marks. So neither can say another run's figures.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { renderTable } from './report.js';
import type { Judged } from './targets.js';

const preface = `# Benchmark

Written by \`npm run bench -- --markdown\`. Every server has one worker on a processor of its own, the load runs on another, all
in the same run, one after the other in each round. Each answer was checked (status, length, SHA-256) before it was measured.

* Ratios come first, because absolute numbers depend on the machine: medians of the ratios of each round, with the smallest and
  the largest. CPU is the server's process with all its threads, from /proc/PID/task/*/schedstat; system CPU is all that was
  not idle in /proc/stat: it holds the load and the kernel's work for both ends, some of which loopback moves from one end to
  the other. A measurement during which other programs used more than a tenth of a processor is repeated, at most twice.
* Before a row's first round each server is loaded until requests have stopped costing less, with 100,000 of them or for 30 s at least, 40 s
  at most: compilers and caches are warm then. What that cost is a table of its own, behind the others.
* nginx has one worker, sendfile, tcp_nopush, an open_file_cache of up to 200,000 files, as many as the limit of
  descriptors allows (the line of versions says how many), that remembers what is missing, no access log
  (in the row of the log: \`combined buffer=64k\`) and no log of missing files. Latencies are shown where nginx was measured with
  tcp_nopush and without: with it the end of a response may wait 40 ms. Bun answers from memory as a static route where
  that is possible and faster, by its directory route elsewhere.
* Requests are made by wrk with one thread, their bytes made before the run; HEAD by a client of ours, because wrk waits for a body;
  bodies of 1 GiB by a downloader that reads and discards. Where one of them was at the limit of its processor the rate
  says nothing about the server, and the notes say so. What arrived is held against the size of the verified answers.
* Many files lie 100 in a directory and are asked for at random, with replacement. Each group of rows (single files, 10,000 files,
  100,000 files, the log) has fresh servers; memory is that after its last round. PSS shares the pages of a program among
  the processes that run it, RSS counts them for each.
* 1 GiB has one connection and no requests/s: no response would end within a round. CPU per GiB counts what arrived.
* The log's records are counted against the requests that wrk saw answered; those cut off by the end of a run may have one more.
* Loopback has no network card: throughput here says little, CPU and copies say more.
* Servers are started without NODE_EXTRA_CA_CERTS: Node parses what it names at every start, 46 ms and 2 MB for a distribution's bundle.
* copied B per body B is user-space copies by Clearway's own account (its metrics); the others have none.
`;

/** The heading from which the page is written by hand. */
const byHand = '\n## By hand: ';

/** Writes the page of all tables; its part by hand stays. */
export function writePage(path: string, tables: string, host: string): void {
  const earlier = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const kept = earlier.indexOf(byHand);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${preface}\n${tables}\n\n${host}\n${kept < 0 ? '' : earlier.slice(kept)}`);
}

const begin = '<!-- bench:begin -->\n';
const end = '<!-- bench:end -->';

/** The judged targets, a line each and a column for each server: what it measured, and whether that misses the bound. */
export function shortTable(judged: readonly (readonly Judged[])[]): string {
  const head = ['measured', 'bound', ...(judged[0] ?? []).map(({ server }) => server)];
  const told = ({ shown, verdict }: Judged): string =>
    verdict === 'missed' ? `${shown} (missed)` : verdict === 'met' ? shown : verdict;
  const lines = judged.map((servers) => [servers[0]!.text, servers[0]!.bound, ...servers.map(told)]);
  return renderTable(head, lines, [0]);
}

/** Puts a table and its conditions between the marks of a document; one without marks is returned as it is. */
export function betweenMarks(document: string, conditions: string, table: string): string {
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from < 0 || to < from) return document;
  return `${document.slice(0, from)}${begin}${conditions}\n\n${table}\n${document.slice(to)}`;
}

/** Writes the judged targets into a README's marked part. */
export function refreshReadme(path: string, conditions: string, judged: readonly (readonly Judged[])[]): void {
  if (!existsSync(path)) return;
  writeFileSync(path, betweenMarks(readFileSync(path, 'utf8'), conditions, shortTable(judged)));
}
