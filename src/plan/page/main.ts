/// <reference lib="dom" />
// The plan page: one scenario, its controls, and everything drawn from its answer. The address holds the scenario, so a link is all it takes to
// share it; there is no server and nothing is fetched.

import { byId } from '../../ui/dom.js';
import { type Answer, answer } from '../answers/answer.js';
import { costCurves } from '../answers/breakeven.js';
import type { Comparison } from '../answers/compare.js';
import { formatBytes, formatNs, formatRate } from '../answers/report.js';
import { scenarioFromHash, scenarioToHash } from '../link.js';
import { type Scenario, settled } from '../scenario.js';
import { type Curve, costChart, gantt, loadChart } from './charts.js';
import { changeOf, drawControls } from './controls.js';
import { safe, show } from './html.js';
import { presets } from './presets.js';

let scenario: Scenario = scenarioFromHash(location.hash);
let pending = false;
let current: Answer | undefined;

/** Widths of the charts, read when the window changes: reading them between drawings would lay the page out each time. */
const widths = new Map<string, number>();

function measureCharts(): void {
  for (const id of ['gantt', 'curves', 'loaded']) widths.set(id, Math.max(260, Math.floor(byId(id).clientWidth)));
}

const chartWidth = (id: string): number => widths.get(id) ?? 260;

function tile(value: string, words: string): string {
  return `<div class="tile"><b>${safe(value)}</b><span>${safe(words)}</span></div>`;
}

function drawTiles(given: Answer): void {
  const { throughput, cpu, latency } = given;
  const rate =
    given.scenario.path === 'socket' ? formatRate(throughput.gbps * 1e9) : `${throughput.mpps.toFixed(1)} Mpps`;
  show('headline', safe(given.bottleneck.sentence));
  show('bar', `<b>${safe(rate)}</b> ${safe(given.bottleneck.resource)} binds, ${formatNs(latency.unloadedNs)}`);
  show(
    'tiles',
    tile(rate, given.scenario.path === 'socket' ? 'payload, upper bound' : `frames of ${given.scenario.message} B`) +
      tile(formatNs(latency.unloadedNs), 'one message, no load') +
      tile(formatNs(latency.loaded.latencyNs), `at ${Math.round(latency.loaded.load * 100)} % load`) +
      tile(`${cpu.secondsPerGiB.toFixed(2)} s`, 'processor time a GiB, both ends'),
  );
}

function drawUtilisation(given: Answer): void {
  const rows = given.utilisation
    .filter((one) => one.share >= 0.005)
    .map((one, index) => {
      const side = one.resource.startsWith('sender')
        ? 'sender'
        : one.resource.startsWith('receiver')
          ? 'receiver'
          : 'network';
      const first = index === 0 ? ' first' : '';
      return `<span class="${first}">${safe(one.label)}</span><span class="track"><span class="fill ${side}" style="width:${(one.share * 100).toFixed(1)}%"></span></span><span class="num${first}">${(one.share * 100).toFixed(0)} %</span>`;
    });
  show('utilisation', `<div class="bars">${rows.join('')}</div>`);
}

function comparisonRows(list: readonly Comparison[], isCurrent: (name: string) => boolean): string {
  const most = Math.max(...list.map((one) => one.gbps));
  return list
    .map((one) => {
      const share = ((one.gbps / most) * 100).toFixed(1);
      return `<tr${isCurrent(one.name) ? ' class="current"' : ''}><td>${safe(one.title)}</td><td class="cell"><i><i style="width:${share}%;height:100%"></i></i>${one.gbps.toFixed(1)}</td><td>${formatNs(one.latencyNs)}</td><td class="hide-small">${one.secondsPerGiB.toFixed(2)}</td><td class="hide-small">${safe(one.bottleneck)}</td></tr>`;
    })
    .join('');
}

function drawWays(given: Answer): void {
  const appeared = byId('s-curves').hidden && given.ways.length > 0;
  byId('s-ways').hidden = given.ways.length === 0;
  byId('s-curves').hidden = given.ways.length === 0;
  byId('s-copied').hidden = given.prediction === null;
  if (appeared) measureCharts();
  if (given.ways.length === 0) return;
  const head = (first: string): string =>
    `<tr><th>${first}</th><th>Gb/s</th><th>Latency</th><th class="hide-small">CPU s/GiB</th><th class="hide-small">Bottleneck</th></tr>`;
  const { way, page, guest } = given.scenario;
  const chosen = way === 'zerocopy' ? (page > 4096 ? 'zerocopy huge' : 'zerocopy 4K') : way;
  const guests =
    given.guests.length > 0
      ? head('In a virtual machine') + comparisonRows(given.guests, (name) => name === guest)
      : '';
  show(
    'ways',
    `<div class="scroll"><table>${head('Send mode')}${comparisonRows(given.ways, (name) => name === chosen)}${guests}</table></div>`,
  );
}

function drawCurves(given: Answer): void {
  if (given.ways.length === 0) return;
  const small = { ...given.scenario, page: 4096 };
  const huge = { ...given.scenario, page: 2 ** 21 };
  const points = (of: Scenario, way: 'gather' | 'zerocopy' | 'sendfile' | 'send_zc_fixed') => {
    const { bytes, curves } = costCurves(of, [way]);
    return bytes.map((x, index) => ({ x, y: curves[0]!.nsPerByte[index]! }));
  };
  const curves: Curve[] = [
    { name: 'copy', color: 'var(--c1)', dash: '', points: points(small, 'gather') },
    { name: 'MSG_ZEROCOPY, 4 KiB', color: 'var(--c2)', dash: '6 3', points: points(small, 'zerocopy') },
    { name: 'MSG_ZEROCOPY, huge pages', color: 'var(--c3)', dash: '2 2', points: points(huge, 'zerocopy') },
    { name: 'SEND_ZC, registered', color: 'var(--c4)', dash: '9 3 2 3', points: points(small, 'send_zc_fixed') },
  ];
  show('curves-note', safe(given.breakEven.map((one) => one.sentence).join(' ')));
  const names = curves.map((curve) => `<span style="--swatch:${curve.color}">${safe(curve.name)}</span>`).join('');
  const legend = `${names}<small>\u25b2 from here on the reference is cheaper; - - this message</small>`;
  show(
    'curves',
    `${costChart(curves, given.breakEven, given.scenario.message, chartWidth('curves'))}<div class="legend">${legend}</div>`,
  );
}

/** What the time line spans, in words. */
function spanOf(of: Scenario): string {
  if (of.path !== 'socket') return 'from the wire to the end of the path';
  if (of.direction === 'send') return 'from the call to the last bit on the wire';
  return of.direction === 'receive' ? 'from the wire to the woken reader' : 'from the call to the woken reader';
}

function drawTime(given: Answer): void {
  const { latency, timeline } = given;
  show(
    'time-note',
    `${formatNs(latency.unloadedNs)} ${spanOf(given.scenario)}; ${formatNs(latency.serialNs)} if nothing overlapped. ${timeline.afterwardsNs > 0 ? `The sender works another ${formatNs(timeline.afterwardsNs)} on acknowledgements and completions.` : ''}`,
  );
  const legend = ['sender', 'network', 'receiver']
    .map((side) => `<span style="--swatch:var(--${side})">${side}</span>`)
    .join('');
  show('gantt', `${gantt(timeline, chartWidth('gantt'))}<div class="legend">${legend}</div>`);
  show('load-note', `${safe(latency.loaded.statement)}.`);
  show('loaded', loadChart(given, chartWidth('loaded')));
}

function drawCopied(given: Answer): void {
  const { prediction, packing, coalescing } = given;
  if (!prediction) return;
  const findings = prediction.findings.map((one) => {
    const verb = one.kind === 'expand' ? 'cut into packets' : one.kind === 'linearise' ? 'made linear' : 'copied';
    return `<li><b>${formatBytes(one.bytes)} ${verb}</b> by <code>${safe(one.rule)}</code><div>${safe(one.why)}. <b>Instead:</b> ${safe(one.avoid)}.</div><div class="small">${safe(one.source)}</div></li>`;
  });
  const harmless = prediction.harmless.map((one) => `<li class="small">Harmless: ${safe(one)}</li>`);
  const notes = [
    `<li class="small">Fragments below ${coalescing.bytes} B are cheaper copied together than referenced one by one.</li>`,
  ];
  if (packing) {
    const { exact, greedy } = packing;
    notes.push(
      `<li class="small">Packed at best into ${exact.handoffs} hand-offs of ${formatBytes(exact.bytesPerHandoff)} with ${exact.descriptors} descriptors; greedily into ${greedy.handoffs}.${exact.linearisedBytes > 0 ? ` ${formatBytes(exact.linearisedBytes)} must be made linear.` : ''}</li>`,
    );
  }
  const tone = prediction.findings.length > 0 ? ' class="bad"' : '';
  show(
    'copied',
    `<ul class="plain"><li${tone}>${safe(prediction.sentence)}</li>${findings.join('')}${harmless.join('')}${notes.join('')}</ul>`,
  );
}

function drawAdvice(given: Answer): void {
  if (given.advice.length === 0) {
    show('advice', '<p class="note">Nothing in the list pays three percent.</p>');
    return;
  }
  const rows = given.advice.map(
    (one, index) =>
      `<li class="advice"><span>${safe(one.sentence)}</span><button type="button" data-advice="${index}" aria-label="Try it: ${safe(one.text)}">Try it</button></li>`,
  );
  show('advice', `<ul class="plain">${rows.join('')}</ul>`);
}

function drawExplain(given: Answer): void {
  const box = byId('explain').querySelector('details');
  if (!box) {
    byId('explain').innerHTML =
      '<details id="explain-box"><summary>Every stage, its terms and their constants</summary><div class="scroll" id="explain-body"></div></details>';
    byId('explain-box').addEventListener('toggle', () => current && drawExplain(current));
    return;
  }
  if (!box.open) return;
  const known = new Map(given.constants.map((one) => [one.id, one]));
  const rows = given.stages.flatMap((stage) =>
    stage.terms.map((one, index) => {
      const constant = one.constant ? known.get(one.constant) : undefined;
      const from = constant ? `${constant.kind}: ${constant.source}; ${constant.conditions}` : 'rule named in the term';
      return `<tr><td>${index === 0 ? safe(`${stage.side}: ${stage.label}`) : ''}</td><td style="text-align:left">${safe(one.label)}<div class="small">${safe(from)}</div></td><td>${Number(one.each.toPrecision(3))} ${safe(one.unit)}</td><td>${Number(one.count.toPrecision(4))}</td><td>${formatNs(one.ns)}</td></tr>`;
    }),
  );
  show(
    'explain-body',
    `<table><tr><th>Stage</th><th style="text-align:left">Term</th><th>Each</th><th>Count</th><th>Time</th></tr>${rows.join('')}</table>`,
  );
}

function redraw(): void {
  pending = false;
  const started = performance.now();
  const given = answer(scenario);
  current = given;
  drawTiles(given);
  drawTime(given);
  drawUtilisation(given);
  drawWays(given);
  drawCurves(given);
  drawCopied(given);
  drawAdvice(given);
  drawExplain(given);
  performance.measure('redraw', { start: started, end: performance.now() });
}

function schedule(): void {
  if (pending) return;
  pending = true;
  requestAnimationFrame(redraw);
}

/** Takes a new scenario; the address follows, without a step in the history for every notch of a slider. */
function take(next: Scenario, controls: boolean): void {
  scenario = next;
  history.replaceState(null, '', scenarioToHash(scenario) || location.pathname + location.search);
  if (controls) drawControls(scenario);
  schedule();
}

async function share(): Promise<void> {
  const words = byId('shared');
  try {
    await navigator.clipboard.writeText(location.href);
    words.textContent = 'Link copied.';
  } catch {
    words.textContent = 'The address of this page is the link.';
  }
}

function start(): void {
  drawControls(scenario);
  byId('preset').innerHTML =
    `<option value="">this scenario</option>${presets.map((one, index) => `<option value="${index}">${safe(one.title)}</option>`).join('')}`;
  byId('preset').addEventListener('change', (event) => {
    const preset = presets[Number((event.target as HTMLSelectElement).value || -1)];
    if (preset) take(preset.scenario, true);
  });
  byId('controls').addEventListener('input', (event) => {
    const change = changeOf(event);
    if (!change) return;
    const wanted = { ...scenario, [change.name]: change.value } as Scenario;
    // Flows that were as many as the cores stay so: a further core with nothing to do would show no change.
    if (change.name === 'cores' && scenario.flows === scenario.cores) wanted.flows = wanted.cores;
    const next = settled(wanted);
    take(next, next.flows !== scenario.flows || next.mtu !== wanted.mtu || next.message !== wanted.message);
  });
  byId('controls').addEventListener('submit', (event) => event.preventDefault());
  byId('advice').addEventListener('click', (event) => {
    const index = (event.target as HTMLElement).dataset.advice;
    const chosen = index === undefined ? undefined : current?.advice[Number(index)];
    if (chosen) take({ ...scenario, ...chosen.change }, true);
  });
  byId('share').addEventListener('click', () => void share());
  window.addEventListener('resize', () => {
    measureCharts();
    schedule();
  });
  window.addEventListener('hashchange', () => take(scenarioFromHash(location.hash), true));
  measureCharts();
  redraw();
}

start();
