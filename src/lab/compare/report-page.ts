// The page of `clearway bypass compare`: the same figures as the table, and the two ways in words, as one file that asks nobody for anything. Not here: its looks (page/).

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { escapeHtml } from '../../text/escape-html.js';
import type { Compared, ComparePlan, Row } from './comparison.js';
import { conditions, type Run, rowsOf, short, titleOf } from './report.js';
import { type WayName, wayNames, ways } from './ways.js';

const template = fileURLToPath(new URL('./page/compare.html', import.meta.url));

/** Words with code between backquotes. */
const words = (text: string): string => escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>');

/** A cell with a bar that is as long as its share of the greater one. */
function cell(value: number, most: number, unit: string, kind: string): string {
  const width = most > 0 ? Math.max(1, Math.round((value / most) * 100)) : 0;
  return `<td class="${kind}">${escapeHtml(short(value) + unit)}<span class="bar" style="width:${width}%"></span></td>`;
}

function pairOf(label: string, kernel: number, bypass: number, unit: string): string {
  const most = Math.max(kernel, bypass);
  const ratio = kernel > 0 ? `${(bypass / kernel).toFixed(2)}x` : '';
  return `<tr><th scope="row">${escapeHtml(label)}</th>${cell(kernel, most, unit, 'kernel')}${cell(bypass, most, unit, 'own')}<td>${ratio}</td></tr>`;
}

const heads = `<thead><tr><th></th>${wayNames.map((way) => `<th scope="col">${escapeHtml(ways[way].title)}</th>`).join('')}<th scope="col">ratio</th></tr></thead>`;

function tableOf(row: Row): string {
  const lines = rowsOf.flatMap(([label, figure, unit]) => {
    const [kernel, bypass] = [figure(row.figures.kernel), figure(row.figures.bypass)];
    return kernel === undefined || bypass === undefined ? [] : [pairOf(label, kernel, bypass, unit)];
  });
  return `<section><h2>${escapeHtml(titleOf(row))}</h2><table>${heads}<tbody>${lines.join('')}</tbody></table></section>`;
}

function wayOf(name: WayName, engine: string): string {
  const { title, lost, isolation, privileges } = ways[name];
  const losses =
    lost.length === 0
      ? '<p>Nothing is lost.</p>'
      : `<p>What is lost:</p><ul>${lost.map((each) => `<li>${words(each)}</li>`).join('')}</ul>`;
  return `<section><h2>${escapeHtml(title)} <span class="note">(${escapeHtml(engine)})</span></h2>${losses}<p>Isolation: ${words(isolation)}.</p><p>Privileges: ${words(privileges)}.</p></section>`;
}

function bodyOf(compared: Compared, plan: Pick<ComparePlan, 'seconds' | 'workload'>): string {
  const { rows, engines, idleMsPerSecond: idle } = compared;
  const waiting = pairOf('CPU a second, server', idle.kernel, idle.bypass, ' ms');
  return [
    `<div class="pair">${rows.map(tableOf).join('')}<section><h2>Without a connection</h2><table>${heads}<tbody>${waiting}</tbody></table></section></div>`,
    `<div class="pair">${wayNames.map((way) => wayOf(way, engines[way])).join('')}</div>`,
    `<section><h2>How it was measured</h2>${conditions(compared, plan)
      .map((each) => `<p class="note">${words(each)}</p>`)
      .join('')}</section>`,
  ].join('');
}

/** The page, as HTML: of each workload that was measured. */
export function comparePage(runs: readonly Run[]): string {
  const subtitle = `clearway ${runs.map(({ plan }) => plan.workload).join(' and ')} asked in both ways on this machine`;
  const body = runs.map(({ compared, plan }) => bodyOf(compared, plan)).join('');
  return readFileSync(template, 'utf8')
    .replace('<!--SUBTITLE-->', () => escapeHtml(subtitle))
    .replace('<!--BODY-->', () => body);
}
