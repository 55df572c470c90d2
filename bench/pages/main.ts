// `npm run bench:pages`: pages gathered from fragments against Buffer.concat in plain Node and against nginx's SSI, by the
// rules of the main benchmark: the same load, the same CPU accounts, interleaved rounds, checked answers.
// Not here: how CPU is measured (bench/measure.ts), the pages (fragments.ts).

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { describeHost, hostFacts } from '../host/about.js';
import { setSessionNiceness } from '../host/autogroup.js';
import { get, headBytesOf } from '../load/http-client.js';
import { runWrk, wrkAbsence } from '../load/wrk.js';
import { type Measurement, measure } from '../measure.js';
import { type Options, parseOptions } from '../options.js';
import { renderTable, show } from '../report.js';
import { nginxWith } from '../servers/nginx.js';
import { commandPeer, type Peer, type RunningPeer, repositoryRoot } from '../servers/peer.js';
import { type Session, say, withSession } from '../session.js';
import { median, pairedRatio } from '../statistics.js';
import { type PagePlan, pagePlans, wholePage, writeDocuments } from './fragments.js';

const connections = 32;
const lateMs = 200;
const program = join(repositoryRoot, 'dist/bench/pages/server.js');
const cli = join(repositoryRoot, 'dist/src/cli/main.js');

const script = (name: string, ...args: string[]): Peer =>
  commandPeer(
    name,
    () => undefined,
    () => [process.execPath, program, ...args],
  );

// tcp_nopush holds the end of a page with subrequests back for 40 ms here: without it nginx answers several times as many.
const nginxSsiPeer = nginxWith('nginx, SSI', 'ssi on; tcp_nopush off; default_type text/html;');
const ours = script('pages, io_uring', 'uring');
const concat = script('node, Buffer.concat', 'concat');
const ssiOurs = commandPeer(
  'serve, .shtml',
  () => undefined,
  (site) => [process.execPath, cli, 'serve', site, '--port', '0', '--workers', '1'],
);
const peers: readonly Peer[] = [
  ours,
  script('pages, epoll', 'epoll'),
  script('respond in node:http', 'respond'),
  concat,
  ssiOurs,
  nginxSsiPeer,
];

interface Cell {
  readonly page: string;
  readonly peer: string;
  readonly rounds: (Measurement | undefined)[];
}

interface Contest {
  readonly cell: Cell;
  readonly plan: PagePlan;
  readonly running: RunningPeer;
  readonly headBytes: number;
  readonly bytes: number;
}

/** Checks a peer's answer, then loads it unmeasured: compilers and caches are warm when it counts. */
async function enter(session: Session, plan: PagePlan, running: RunningPeer, seconds: number): Promise<Contest> {
  const whole = await wholePage(plan);
  const fetched = await get(`${running.origin}/${plan.name}`);
  const expected = createHash('sha256').update(whole).digest('hex');
  if (fetched.status !== 200 || fetched.sha256 !== expected) {
    throw new Error(`${running.name} answers ${plan.name} with status ${fetched.status} and other bytes`);
  }
  const headBytes = await headBytesOf(`${running.origin}/${plan.name}`);
  const cell: Cell = { page: plan.name, peer: running.name, rounds: [] };
  const contest: Contest = { cell, plan, running, headBytes, bytes: whole.length };
  await measureOnce(session, contest, seconds);
  return contest;
}

function measureOnce(
  session: Session,
  { plan, running, headBytes, bytes }: Contest,
  seconds: number,
): Promise<Measurement> {
  const url = `${running.origin}/${plan.name}`;
  const load = (wholeSeconds: number) =>
    runWrk({ url, connections, seconds: wholeSeconds, placing: session.placement.load });
  return measure({ peer: running, size: { headBytes, bodyBytes: bytes, uniform: true }, connections, load }, seconds);
}

/** Milliseconds until the first byte of the body, and until the end, of a page whose last fragment is late. */
async function timeToFirstByte(origin: string, plan: PagePlan): Promise<{ firstMs: number; endMs: number }> {
  const { hostname, port } = new URL(origin);
  const socket = connect({ host: hostname, port: Number(port) });
  await new Promise((resolve) => socket.once('connect', resolve));
  const begin = performance.now();
  socket.write(`GET /${plan.name} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  let firstMs = Number.NaN;
  let got = '';
  for await (const chunk of socket) {
    if (got.length < 65_536) got += (chunk as Buffer).toString('latin1');
    // The first fragment: the head alone tells a reader nothing.
    if (Number.isNaN(firstMs) && got.includes('<section')) firstMs = performance.now() - begin;
  }
  return { firstMs, endMs: performance.now() - begin };
}

async function measureLate(session: Session): Promise<{ firstMs: number; endMs: number }[]> {
  const running = await session.start(script('pages, one slot late', 'uring', String(lateMs)));
  if (running === undefined) return [];
  const results = [];
  for (let round = 0; round < 12; round++) {
    const result = await timeToFirstByte(running.origin, pagePlans[0]!);
    // The first two also compile the code.
    if (round >= 2) results.push(result);
  }
  return results;
}

/** Bytes of static fragments that were copied, per page, since the server began. */
async function copiedStatic(origin: string): Promise<{ coalesced: number; referenced: number }> {
  const { text } = await get(`${origin}/account`, 5000, true);
  const totals = JSON.parse(text) as Record<string, number>;
  return { coalesced: totals.coalescedBytes!, referenced: totals.referencedBytes! };
}

interface Outcome {
  readonly cells: readonly Cell[];
  readonly late: readonly { firstMs: number; endMs: number }[];
  readonly copied: { coalesced: number; referenced: number } | undefined;
}

async function run(options: Options): Promise<Outcome> {
  return withSession(options, [], async (session) => {
    await writeDocuments(session.siteDirectory);
    const contests: Contest[][] = pagePlans.map(() => []);
    let copied: Outcome['copied'];
    for (const peer of peers) {
      const running = await session.start(peer);
      if (running === undefined) continue;
      for (const [index, plan] of pagePlans.entries()) {
        say(`warming ${peer.name} with ${plan.name}`);
        contests[index]!.push(await enter(session, plan, running, options.seconds));
        // Only the first page has come from this server by now: its static fragments are all over the threshold.
        if (peer === ours && index === 0) copied = await copiedStatic(running.origin);
      }
    }
    for (let round = 0; round < options.rounds; round++) {
      say(`round ${round + 1} of ${options.rounds}`);
      for (const row of contests) {
        const rotated = row.map((_, index) => row[(index + round) % row.length]!);
        for (const contest of rotated) contest.cell.rounds.push(await measureOnce(session, contest, options.seconds));
      }
    }
    return { cells: contests.flat().map(({ cell }) => cell), late: await measureLate(session), copied };
  });
}

const cpu = (cell: Cell | undefined): number[] =>
  cell?.rounds.map((round) => round?.cpuUsPerRequest ?? Number.NaN) ?? [];
const find = (cells: readonly Cell[], page: string, peer: Peer): Cell | undefined =>
  cells.find((cell) => cell.page === page && cell.peer === peer.name);

function renderCells(cells: readonly Cell[]): string {
  const lines = cells.map((cell) => {
    const ratio = (peer: Peer): string => show(pairedRatio(cpu(cell), cpu(find(cells, cell.page, peer))), 'x');
    const value = (field: keyof Measurement): string => {
      return show(median(cell.rounds.map((round) => (round?.[field] as number | undefined) ?? Number.NaN)));
    };
    return [
      cell.page.replace('.shtml', ''),
      cell.peer,
      value('cpuUsPerRequest'),
      ratio(concat),
      ratio(nginxSsiPeer),
      value('systemCpuUsPerRequest'),
      value('requestsPerSecond'),
      value('p99Us'),
    ];
  });
  const head = [
    'page',
    'server',
    'CPU us/page',
    '/ Buffer.concat',
    '/ nginx SSI',
    'system us/page',
    'pages/s',
    'p99 us',
  ];
  return renderTable(head, lines, [0, 1]);
}

function renderTargets({ cells, late, copied }: Outcome): string {
  const line = (text: string, bound: number, value: number, suffix: string): string[] => {
    const verdict = Number.isNaN(value) ? 'not measured' : value <= bound ? 'met' : 'missed';
    return [text, `<= ${bound}${suffix}`, show(value, suffix), verdict];
  };
  const ratio = (page: string, mine: Peer, theirs: Peer): number =>
    pairedRatio(cpu(find(cells, page, mine)), cpu(find(cells, page, theirs)));
  const lines = [
    line('static bytes copied in user space, page64', 0, copied?.coalesced ?? Number.NaN, ' B'),
    ...pagePlans.flatMap(({ name }) => [
      line(`CPU per page / Buffer.concat + res.end, ${name}`, 0.5, ratio(name, ours, concat), 'x'),
      line(`CPU per page / nginx SSI, ${name}`, 1, ratio(name, ours, nginxSsiPeer), 'x'),
      line(`CPU per page of clearway serve / nginx SSI, ${name}`, 1, ratio(name, ssiOurs, nginxSsiPeer), 'x'),
    ]),
    line(`first fragment, one slot ${lateMs} ms late`, 10, median(late.map((each) => each.firstMs)), ' ms'),
  ];
  return renderTable(['target', 'bound', 'measured', 'verdict'], lines, [0, 3]);
}

async function main(words: readonly string[]): Promise<void> {
  if (words[0] === 'threshold') {
    const { measureThreshold } = await import('./threshold.js');
    console.log(`${measureThreshold()}\n\n${describeHost(hostFacts())}`);
    return;
  }
  const options = parseOptions(words);
  if (options === 'help') {
    console.log(
      'npm run bench:pages -- [threshold] [--rounds N] [--seconds N] [--json FILE] [--nice N] [--work-dir DIR]',
    );
    return;
  }
  if (process.platform !== 'linux') throw new Error('the benchmark reads /proc: it runs on Linux only');
  const missing = wrkAbsence();
  if (missing !== undefined) throw new Error(missing);
  const host = hostFacts();
  if (options.niceness !== 0) setSessionNiceness(options.niceness);
  const outcome = await run(options);
  console.log(`${renderTargets(outcome)}\n\n${renderCells(outcome.cells)}\n\n${describeHost(host)}`);
  if (options.jsonFile === undefined) return;
  mkdirSync(dirname(options.jsonFile), { recursive: true });
  writeFileSync(options.jsonFile, `${JSON.stringify({ host, ...outcome }, undefined, 1)}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`bench:pages: ${(error as Error).message}`);
  process.exitCode = 1;
}
