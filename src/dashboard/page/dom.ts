/// <reference lib="dom" />
// Small helpers of the dashboard's page: elements made of text, never of markup, and figures as people read them.

type Attributes = Readonly<Record<string, string | number>>;

const svgNamespace = 'http://www.w3.org/2000/svg';

/** The element of that id; the page's own template has it. */
export function byId<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element ${id}`);
  return found as Kind;
}

/** An element with attributes and children; text stays text. */
export function element(name: string, attributes: Attributes = {}, ...children: (Node | string)[]): HTMLElement {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/** An element of a drawing. */
export function svg(name: string, attributes: Attributes = {}, ...children: (Node | string)[]): SVGElement {
  const made = document.createElementNS(svgNamespace, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/** Sets a text where it differs, so that nothing is announced or selected away without need. */
export function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `0 B`, `9.8 KiB`, `412 MiB`: three digits are enough to watch. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** A ratio with as many digits as say something; `-` where there is none. */
export function ratioText(ratio: number | null): string {
  if (ratio === null) return '–';
  if (ratio === 0) return '0';
  return ratio < 0.001 ? '<0.001' : ratio < 0.1 ? ratio.toFixed(3) : ratio.toFixed(2);
}

/** A duration with three digits or so: `950 ns`, `12.3 µs`, `4.56 ms`. */
export function durationText(durationNs: number): string {
  if (durationNs < 1000) return `${Math.round(durationNs)} ns`;
  if (durationNs < 1e6) return `${(durationNs / 1e3).toFixed(1)} µs`;
  return durationNs < 1e9 ? `${(durationNs / 1e6).toFixed(2)} ms` : `${(durationNs / 1e9).toFixed(2)} s`;
}

/** A number of things. */
export function countText(count: number): string {
  return count >= 100 ? Math.round(count).toLocaleString('en') : count.toFixed(count === Math.round(count) ? 0 : 1);
}

/** A table; a column that begins with `#` in its head holds figures. */
export function table(caption: string, head: readonly string[], rows: readonly (readonly string[])[]): HTMLElement {
  const figures = head.map((text) => text.startsWith('#'));
  const cell = (text: string, index: number) => element('td', figures[index] ? { class: 'figure' } : {}, text);
  const heads = head.map((text, index) =>
    element('th', { scope: 'col', ...(figures[index] ? { class: 'figure' } : {}) }, text.replace(/^#/, '')),
  );
  return element(
    'table',
    {},
    element('caption', {}, caption),
    element('thead', {}, element('tr', {}, ...heads)),
    element('tbody', {}, ...rows.map((row) => element('tr', {}, ...row.map(cell)))),
  );
}
