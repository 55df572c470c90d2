/// <reference lib="dom" />
// The page of devices: shows the last frame. Figures are made elsewhere (vhost/device-figures.ts); the events are taken in follow.ts.

import { Chart, type ChartPoint, type Line } from '../../ui/chart.js';
import { byId, element, setText, table } from '../../ui/dom.js';
import type { DeviceFigures, Measure } from '../../vhost/device-figures.js';
import type { DevicesFrame, DevicesHello, DevicesPoint } from '../device-dashboard.js';
import { ageText, bytesText, countText, durationText } from './figures.js';
import { follow, nameScrolling } from './follow.js';
import { showRings } from './ring-view.js';

const historyPoints = 600;
const colours = ['--sent', '--received', '--copied', '--good'] as const;
const dashes = [undefined, [6, 4], undefined, [2, 3]] as const;

/** A chart, and which measures it draws. */
interface DrawnChart {
  readonly title: string;
  readonly unit: Measure['unit'];
  readonly places: readonly number[];
  readonly chart: Chart;
}

const points: DevicesPoint[] = [];
let measures: readonly Measure[] = [];
let charts: readonly DrawnChart[] = [];
const span = byId<HTMLSelectElement>('span');
const chosen = byId<HTMLSelectElement>('device');

const valueText = (value: number, unit: Measure['unit']): string =>
  unit === 'bytes' ? bytesText(value) : countText(value);

/** A chart for each title that measures name. */
function makeCharts(): readonly DrawnChart[] {
  const titles = [...new Set(measures.flatMap(({ chart }) => (chart === undefined ? [] : [chart])))];
  byId('charts').replaceChildren();
  return titles.map((title, at) => {
    const places = measures.flatMap(({ chart }, index) => (chart === title ? [index] : []));
    const { unit } = measures[places[0]!]!;
    const box = element('div');
    byId('charts').append(
      element('section', { 'aria-labelledby': `h-chart${at}` }, element('h2', { id: `h-chart${at}` }, title), box),
    );
    const lines = places.map((place, index): Line => {
      const dash = dashes[index];
      return {
        ...{ words: measures[place]!.words, colour: colours[index]!, index: index + 1 },
        ...(dash === undefined ? {} : { dash }),
      };
    });
    const steps = unit === 'bytes' ? Array.from({ length: 54 }, (_, power) => 2 ** power) : undefined;
    return {
      title,
      unit,
      places,
      chart: new Chart(box, title, lines, (value) => `${valueText(value, unit)}/s`, steps),
    };
  });
}

/** The device that is looked at; -1: all of them. */
const chosenDevice = (): number => Number(chosen.value === '' ? -1 : chosen.value);

/** What a chart shows of the history. */
function chartPoints(places: readonly number[]): readonly ChartPoint[] {
  const device = chosenDevice();
  return points.map(([timeMs, ...devices]): ChartPoint => {
    const of = device < 0 ? devices : devices.slice(device, device + 1);
    return [timeMs, ...places.map((place) => of.reduce((sum, values) => sum + values[place]!, 0))];
  });
}

const totalOf = (devices: readonly DeviceFigures[], of: 'now' | 'start', place: number): number =>
  devices.reduce((sum, figures) => sum + figures[of][place]!, 0);

function showChoice(devices: readonly DeviceFigures[]): void {
  if (chosen.options.length > 0) return;
  const option = (name: string, value: number) => element('option', { value }, name);
  chosen.replaceChildren(option('all devices', -1), ...devices.map(({ name }, index) => option(name, index)));
  byId('l-device').hidden = devices.length < 2;
}

function headline({ devices, copied }: DevicesFrame, looked: readonly DeviceFigures[]): string {
  const there = devices.filter(({ state }) => state.frontEnd !== undefined).length;
  const who =
    devices.length === 1
      ? `${there === 1 ? 'A' : 'No'} front end is connected to ${devices[0]!.name}`
      : `${there} of ${devices.length} devices have a front end`;
  const rates = charts
    .slice(0, 2)
    .map(({ title, unit, places }) => {
      const sum = places.reduce((total, place) => total + totalOf(looked, 'now', place), 0);
      return unit === 'bytes' ? `${bytesText(sum)} a second` : `${countText(sum)} ${title.toLowerCase()}`;
    })
    .join(', ');
  const bytes = Object.values(copied).reduce((sum, each) => sum + each, 0);
  const copies = bytes === 0 ? 'nothing was copied in user space' : `${bytesText(bytes)} were copied in user space`;
  return `${who}: ${rates}; ${copies}.`;
}

/** What ended in the turn in which it was taken has no time that was measured. */
const waitText = (waitMs: number | null): string =>
  waitMs === null ? '–' : waitMs === 0 ? 'at once' : durationText(waitMs * 1e6);

/** The longest of all; `null`: none ended. */
const longestOf = (waits: readonly (number | null)[]): number | null =>
  waits.reduce((longest, wait) => (longest === null || (wait !== null && wait > longest) ? wait : longest), null);

function showTiles({ copied, copiedNow }: DevicesFrame, looked: readonly DeviceFigures[], of: 'now' | 'start'): void {
  const tile = (words: string, value: string, kind = '') =>
    element('div', { class: `tile ${kind}` }, element('dt', {}, words), element('dd', {}, value));
  const bytes = of === 'now' ? copiedNow : Object.values(copied).reduce((sum, each) => sum + each, 0);
  const waits = looked.flatMap(({ waits: each }) => (each === null ? [] : [each.longestMs]));
  byId('tiles').replaceChildren(
    ...measures.map(({ words, unit, isRate }, place) =>
      tile(words, `${valueText(totalOf(looked, of, place), unit)}${isRate && of === 'now' ? '/s' : ''}`),
    ),
    ...(waits.length === 0 ? [] : [tile('longest wait', waitText(longestOf(waits)))]),
    tile('user-space copies', `${bytesText(bytes)}${of === 'now' ? '/s' : ''}`, 'user'),
  );
}

function showDevices(devices: readonly DeviceFigures[], of: 'now' | 'start'): void {
  const hasWaits = devices.some(({ waits }) => waits !== null);
  const waitHeads = hasWaits ? ['#Half within', '#99 % within', '#Longest wait'] : [];
  const head = ['Device', 'Front end', 'Rings', ...measures.map(({ words }) => `#${words}`), ...waitHeads];
  const rows = devices.map(({ name, state, now, start, waits }) => {
    const { frontEnd, features, queues } = state;
    const who =
      frontEnd === undefined ? 'none' : `process ${frontEnd.processId ?? 'unknown'}, for ${ageText(frontEnd.forMs)}`;
    const sizes = [...new Set(queues.map(({ size }) => size))].join(' or ');
    const values = of === 'now' ? now : start;
    return [
      name,
      who,
      queues.length === 0 ? '–' : `${features[0]}, ${queues.length} of ${sizes} entries`,
      ...measures.map(({ unit, isRate }, place) =>
        isRate && of === 'now' ? `${valueText(values[place]!, unit)}/s` : valueText(values[place]!, unit),
      ),
      ...(waits === null ? [] : [waits.halfMs, waits.mostMs, waits.longestMs].map(waitText)),
    ];
  });
  byId('devices').replaceChildren(table(`${devices.length} in all`, head, rows));
}

function showReasons({ devices, reasons, copied }: DevicesFrame): void {
  const rows = [
    ...devices.flatMap(({ name, reasons: own }) =>
      own.map(([what, why, count]) => [name, what, why, countText(count)]),
    ),
    ...reasons.map(([what, why, count]) => ['all', what, why, countText(count)]),
    ...Object.entries(copied).map(([why, bytes]) => ['all', 'copied in user space', why, bytesText(bytes)]),
  ];
  byId('s-reasons').hidden = rows.length === 0;
  byId('reasons').replaceChildren(table('Since the start', ['Device', 'What', 'Which', '#How often'], rows));
}

function showAll(frame: DevicesFrame): void {
  const { devices } = frame;
  showChoice(devices);
  const device = chosenDevice();
  const looked = device < 0 ? devices : devices.slice(device, device + 1);
  const of = span.value === 'start' ? 'start' : 'now';
  setText(byId('headline'), headline(frame, looked));
  showTiles(frame, looked, of);
  for (const { places, chart } of charts) chart.show(chartPoints(places));
  showDevices(devices, of);
  byId('s-rings').hidden = !showRings(byId('rings'), looked);
  showReasons(frame);
}

const showAgain = follow<DevicesHello, DevicesFrame>({
  title: (subject) => `Clearway: ${subject}`,
  hello: ({ measures: told, history: past }) => {
    points.splice(0, points.length, ...past);
    if (charts.length > 0) return;
    measures = told;
    charts = makeCharts();
  },
  take: ({ timeMs, devices }) => {
    points.push([timeMs, ...devices.map(({ now }) => now)]);
    if (points.length > historyPoints) points.shift();
  },
  show: showAll,
});
span.addEventListener('change', showAgain);
chosen.addEventListener('change', showAgain);
nameScrolling([
  ['devices', 'Devices'],
  ['reasons', 'Counted by name'],
]);
