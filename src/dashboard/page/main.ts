/// <reference lib="dom" />
// The dashboard's page: takes the events and shows the last frame. Figures are made elsewhere (frame.ts, flow.ts).

import { Chart } from '../../ui/chart.js';
import { byId, element, setText, table } from '../../ui/dom.js';
import { flowOf } from '../flow.js';
import type { ChartPoint, Frame, Hello, Moved } from '../frame.js';
import { bytesText, countText, ratioText } from './figures.js';
import { flowRows, showFlow } from './flow-view.js';
import { showJourney } from './journey-view.js';

const historyPoints = 600;
const points: ChartPoint[] = [];
let frame: Frame | undefined;
let paused = false;

const rateText = (bytes: number) => `${bytesText(bytes)}/s`;
const moved = new Chart(
  byId('moved'),
  'Throughput beside copied bytes',
  [
    { words: 'sent', colour: '--sent', index: 1 },
    { words: 'received', colour: '--received', index: 2 },
    { words: 'copied by the kernel', colour: '--copied', index: 3, filled: true },
    { words: 'by reference', colour: '--reference', index: 4, dash: [6, 4] },
    { words: 'copied in user space', colour: '--user', index: 5, dash: [2, 3] },
  ],
  rateText,
  // Steps of bytes are powers of two.
  Array.from({ length: 54 }, (_, power) => 2 ** power),
);
const amplification = new Chart(
  byId('amplification'),
  'Copy amplification: bytes copied for each byte of payload',
  [
    { words: 'in all', colour: '--copied', index: 8, filled: true },
    { words: 'sending', colour: '--sent', index: 6, dash: [6, 4] },
    { words: 'receiving', colour: '--received', index: 7, dash: [2, 3] },
  ],
  ratioText,
);
const span = byId<HTMLSelectElement>('span');
const pause = byId<HTMLButtonElement>('pause');

// The token has become a cookie: it need not stay in the address, the history or a screenshot.
if (location.search !== '') history.replaceState(null, '', location.pathname);

function showState(text: string, kind: 'live' | 'held' | 'lost'): void {
  const state = byId('state');
  state.dataset['kind'] = kind;
  setText(state, text);
}

function connect(): void {
  const source = new EventSource('/events');
  source.addEventListener('hello', (event) => {
    const { subject, refusal, history: past } = JSON.parse((event as MessageEvent<string>).data) as Hello;
    points.splice(0, points.length, ...past);
    setText(byId('subject'), subject);
    document.title = `Clearway: copies of ${subject}`;
    byId('refusal').hidden = refusal === null;
    setText(byId('refusal'), refusal ?? '');
    if (!paused) showState('live', 'live');
  });
  const take = (event: Event, isNew: boolean) => {
    const next = JSON.parse((event as MessageEvent<string>).data) as Frame;
    if (isNew) {
      const { now } = next;
      const { sent, received, total } = now.amplification;
      points.push([
        next.timeMs,
        now.sent,
        now.received,
        now.copied,
        now.byReference,
        now.userCopied,
        sent,
        received,
        total,
      ]);
      if (points.length > historyPoints) points.shift();
    }
    latest = next;
    if (!paused) showLatest();
  };
  source.addEventListener('last', (event) => take(event, false));
  source.addEventListener('frame', (event) => take(event, true));
  source.addEventListener('bye', () => {
    source.close();
    showState('the program has ended; these are its last figures', 'lost');
  });
  source.addEventListener('error', () => {
    if (source.readyState === EventSource.CLOSED) showState('no connection: open the printed address again', 'lost');
    else showState('connection lost; trying again', 'lost');
  });
}

let latest: Frame | undefined;

function showLatest(): void {
  frame = latest;
  if (frame === undefined || document.hidden) return;
  showAll(frame);
}

function showAll(shown: Frame): void {
  const since = span.value === 'start';
  const figures = since ? shown.start : shown.now;
  const suffix = since ? '' : '/s';
  setText(byId('headline'), headline(figures, suffix));
  showTiles(figures, shown, suffix);
  const flow = flowOf(figures);
  const flowBox = byId('flow');
  showFlow(flowBox, flow, flowOf(shown.start), Math.max(260, flowBox.clientWidth), suffix);
  byId('flow-table').replaceChildren(
    table('Movements of bytes', ['From and to', 'Cause', 'How', '#Bytes'], flowRows(flow, suffix)),
  );
  moved.show(points);
  amplification.show(points);
  byId('s-journey').hidden = shown.journey === null;
  if (shown.journey !== null) showJourney(byId('journey'), shown.journey);
  showTables(shown);
  showWords(shown);
}

function headline(
  { sent, received, copied, userCopied, amplification: { total }, server }: Moved,
  suffix: string,
): string {
  const payload = Math.max(sent ?? 0, received ?? 0);
  if (payload === 0) return suffix === '' ? 'Nothing has moved yet.' : 'Nothing moves at the moment.';
  // A server's own figures hold what this page is sent: said where there is nothing else, or they look like clients.
  if (suffix !== '' && server?.requests === 0 && server.connections === 0) {
    return `No client at the moment: ${bytesText(payload)}${suffix} is what this page itself is sent.`;
  }
  if (copied === null) {
    return `${bytesText(sent ?? 0)}${suffix} sent; in user space ${bytesText(userCopied ?? 0)}${suffix} copied.`;
  }
  const each = total === null ? '' : `: ${ratioText(total)} bytes copied for each byte moved`;
  return `${bytesText(payload)}${suffix} moved, ${bytesText(copied)}${suffix} copied by the kernel${each}.`;
}

function showTiles(figures: Moved, shown: Frame, suffix: string): void {
  const tile = (words: string, value: string, kind = '') =>
    element('div', { class: `tile ${kind}` }, element('dt', {}, words), element('dd', {}, value));
  const bytesTile = (words: string, bytes: number | null, kind: string) =>
    bytes === null ? [] : [tile(words, `${bytesText(bytes)}${suffix}`, kind)];
  const { server } = figures;
  byId('tiles').replaceChildren(
    ...(shown.tier === null ? [] : [tile('copied per byte', ratioText(figures.amplification.total), 'main')]),
    ...bytesTile('kernel copies', figures.copied, 'copied'),
    ...bytesTile('by reference', figures.byReference, 'reference'),
    ...bytesTile('sent', figures.sent, 'sent'),
    ...bytesTile('received', figures.received, 'received'),
    ...bytesTile('user-space copies', figures.userCopied, 'user'),
    ...(server === null
      ? []
      : [
          tile('requests', `${countText(server.requests)}${suffix}`),
          tile('connections', countText(server.connections)),
        ]),
  );
}

function showTables({ tier, processes, processCount, sockets, socketCount }: Frame): void {
  byId('s-processes').hidden = tier === null;
  const more = (shown: number, all: number) => (all > shown ? `The ${shown} largest of ${all}` : `${all} in all`);
  const rows = processes.map((line) => [
    line.command,
    String(line.processId),
    rateText(line.sentRate),
    rateText(line.receivedRate),
    rateText(line.copiedRate),
    rateText(line.byReferenceRate),
    bytesText(line.copied),
    ratioText(line.amplification),
  ]);
  const head = [
    'Command',
    '#Process',
    '#Sent',
    '#Received',
    '#Copied',
    '#By reference',
    '#Copied in all',
    '#Amplification',
  ];
  byId('processes').replaceChildren(table(more(processes.length, processCount), head, rows));
  byId('s-sockets').hidden = sockets === null;
  const socketRows = (sockets ?? []).map((line) => [
    line.protocol,
    line.local === '' ? '–' : `${line.local} – ${line.remote}`,
    String(line.processId),
    bytesText(line.sentCopied),
    bytesText(line.sentByReference),
    bytesText(line.received),
  ]);
  const socketHead = ['Protocol', 'Ends', '#Process', '#Sent by copying', '#Sent by reference', '#Received'];
  byId('sockets').replaceChildren(
    table(`${more(socketRows.length, socketCount)}, since the start`, socketHead, socketRows),
  );
}

function showWords({ why, shortfall, unseen }: Frame): void {
  const list = (id: string, sentences: readonly string[]) =>
    byId(id).replaceChildren(...sentences.map((sentence) => element('li', {}, sentence)));
  byId('s-why').hidden = why === null || why.length === 0;
  list('why', why ?? []);
  byId('limits').hidden = unseen.length + shortfall.length === 0;
  list('unseen', [...shortfall, ...unseen]);
}

pause.addEventListener('click', () => {
  paused = !paused;
  pause.setAttribute('aria-pressed', String(paused));
  document.documentElement.classList.toggle('paused', paused);
  showState(paused ? 'paused' : 'live', paused ? 'held' : 'live');
  if (!paused) showLatest();
});
span.addEventListener('change', () => frame !== undefined && showAll(frame));
document.addEventListener('visibilitychange', () => !paused && showLatest());
new ResizeObserver(() => frame !== undefined && showAll(frame)).observe(byId('flow'));
// What scrolls by itself must be reachable by keyboard, and then it wants a name.
for (const [id, name] of [
  ['flow-table', 'Movements of bytes'],
  ['processes', 'Processes'],
  ['sockets', 'Open sockets'],
  ['journey', 'Journey of messages'],
] as const) {
  byId(id).tabIndex = 0;
  byId(id).setAttribute('role', 'region');
  byId(id).setAttribute('aria-label', name);
}
connect();
