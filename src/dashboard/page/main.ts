/// <reference lib="dom" />
// The dashboard's page: shows the last frame. Figures are made elsewhere (frame.ts, flow.ts); the events are taken in follow.ts.

import { Chart } from '../../ui/chart.js';
import { byId, element, setText, table } from '../../ui/dom.js';
import { flowOf } from '../flow.js';
import type { ChartPoint, Frame, Hello, Moved } from '../frame.js';
import { bytesText, countText, ratioText } from './figures.js';
import { flowRows, showFlow } from './flow-view.js';
import { follow, nameScrolling } from './follow.js';
import { showJourney } from './journey-view.js';

const historyPoints = 600;
const points: ChartPoint[] = [];

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

const showAgain = follow<Hello, Frame>({
  title: (subject) => `Clearway: copies of ${subject}`,
  hello: ({ refusal, history: past }) => {
    points.splice(0, points.length, ...past);
    byId('refusal').hidden = refusal === null;
    setText(byId('refusal'), refusal ?? '');
  },
  take: ({ timeMs, now }) => {
    const { sent, received, total } = now.amplification;
    points.push([timeMs, now.sent, now.received, now.copied, now.byReference, now.userCopied, sent, received, total]);
    if (points.length > historyPoints) points.shift();
  },
  show: showAll,
});

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

span.addEventListener('change', showAgain);
new ResizeObserver(showAgain).observe(byId('flow'));
nameScrolling([
  ['flow-table', 'Movements of bytes'],
  ['processes', 'Processes'],
  ['sockets', 'Open sockets'],
  ['journey', 'Journey of messages'],
]);
