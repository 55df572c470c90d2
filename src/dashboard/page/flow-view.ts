/// <reference lib="dom" />
// Draws the flow: a copy as a band as thick as it is much, a reference as a thin line. What flows is flow.ts's matter.

import { element, svg } from '../../ui/dom.js';
import { type Band, type Flow, type Place, places } from '../flow.js';
import { bytesText } from './figures.js';

const nodeWidth = 10;
const labelHeight = 16;
/** From a band's lower edge to the base line of words that stand below it. */
const labelBelow = 13;
const slotGap = 8;
const thickest = 56;
const top = 26;

interface Slot {
  readonly band: Band;
  readonly thickness: number;
}

/**
 * Shows both directions in `target`, `width` px wide.
 * @param known what has ever moved: its places keep their place, so that the drawing does not jump.
 * @param suffix what stands behind bytes: `/s` or nothing.
 */
export function showFlow(target: HTMLElement, flow: Flow, known: Flow, width: number, suffix: string): void {
  const largest = Math.max(1, ...[...flow.sending, ...flow.receiving].map((band) => band.bytes));
  const lane = (title: string, bands: readonly Band[], ever: readonly Band[]) => {
    if (ever.length === 0) return [];
    const used = new Set(ever.flatMap(({ from, to }) => [from, to]));
    const scale = (bytes: number) => (bytes / largest) * thickest;
    return [element('h3', {}, title), drawing(title, bands, used, { width, scale, suffix })];
  };
  const parts = [
    ...lane('Sending', flow.sending, known.sending),
    ...lane('Receiving', flow.receiving, known.receiving),
  ];
  const nothing = element('p', { class: 'quiet' }, 'Nothing has moved yet.');
  target.replaceChildren(...(parts.length > 0 ? parts : [nothing]));
}

/** Rows of the table that says the same. */
export function flowRows(flow: Flow, suffix: string): string[][] {
  return [...flow.sending, ...flow.receiving].map(({ from, to, kind, words, bytes }) => [
    `${places[from].words} → ${places[to].words}`,
    words,
    kind === 'copy' ? 'copied' : 'by reference',
    `${bytesText(bytes)}${suffix}`,
  ]);
}

interface Drawing {
  readonly width: number;
  scale(bytes: number): number;
  readonly suffix: string;
}

function drawing(title: string, bands: readonly Band[], used: ReadonlySet<Place>, how: Drawing): SVGElement {
  const { width, scale, suffix } = how;
  const slots = bands.map(
    (band): Slot => ({ band, thickness: band.kind === 'reference' ? 2 : Math.max(4, scale(band.bytes)) }),
  );
  const layout = new Layout(slots, used, width, title === 'Receiving');
  const words = slots.map(
    ({ band }) =>
      `${band.words}: ${bytesText(band.bytes)}${suffix}, ${band.kind === 'copy' ? 'copied' : 'by reference'}`,
  );
  const root = svg('svg', {
    class: 'flow',
    viewBox: `0 0 ${width} ${layout.height}`,
    width,
    height: layout.height,
    role: 'img',
    'aria-label': `${title}. ${words.join('. ')}`,
  });
  for (const slot of slots) root.append(bandPath(slot, layout));
  for (const place of layout.places) root.append(...nodeShapes(place, layout, width));
  for (const slot of slots) root.append(bandLabel(slot, layout, suffix));
  return root;
}

function bandPath({ band, thickness }: Slot, layout: Layout): SVGElement {
  const [x1, y1] = layout.out(band);
  const [x2, y2] = layout.in(band);
  // Level for most of the way, so that the words at its beginning stand clear of it.
  const middle = x1 + (x2 - x1) * 0.75;
  const d = `M${x1},${y1}C${middle},${y1} ${middle},${y2} ${x2},${y2}`;
  const path = svg('path', { class: `band ${band.kind}`, d, 'stroke-width': thickness, fill: 'none' });
  path.append(svg('title', {}, `${band.words}: ${bytesText(band.bytes)}`));
  return path;
}

function bandLabel({ band, thickness }: Slot, layout: Layout, suffix: string): SVGElement {
  const [x, y] = layout.out(band);
  const room = layout.room(band);
  const amount = `${bytesText(band.bytes)}${suffix}`;
  const text = room > (band.words.length + amount.length + 2) * 6.6 ? `${amount}  ${band.words}` : amount;
  const above = y - thickness / 2 - 4;
  return svg(
    'text',
    { class: 'label', x: x + 8, y: layout.rises(band) ? y + thickness / 2 + labelBelow : above },
    text,
  );
}

function nodeShapes(place: Place, layout: Layout, width: number): SVGElement[] {
  const { x, y, height } = layout.node(place);
  const anchor = x < width / 4 ? 'start' : x > (width * 3) / 4 ? 'end' : 'middle';
  const textX = anchor === 'start' ? x : anchor === 'end' ? x + nodeWidth : x + nodeWidth / 2;
  return [
    svg('rect', { class: 'node', x, y, width: nodeWidth, height, rx: 3 }),
    svg(
      'text',
      { class: 'place', x: textX, y: y - 8, 'text-anchor': anchor },
      layout.narrow ? short[place] : places[place].words,
    ),
  ];
}

const short: Readonly<Record<Place, string>> = {
  pages: 'Pages',
  heap: 'Heap',
  memory: 'Memory',
  socket: 'Sockets',
  wire: 'Network',
};

/** Where everything stands: a column for each place that is used, and a slot at both ends of each band. */
class Layout {
  readonly places: readonly Place[];
  readonly height: number;
  readonly narrow: boolean;
  private readonly columns: readonly number[];
  private readonly nodes = new Map<Place, { x: number; y: number; height: number }>();
  private readonly ends = new Map<string, { out: number; in: number }>();

  constructor(
    slots: readonly Slot[],
    private readonly used: ReadonlySet<Place>,
    private readonly width: number,
    private readonly mirrored: boolean,
  ) {
    this.narrow = width < 640;
    this.places = (Object.keys(places) as Place[]).filter((place) => used.has(place));
    this.columns = [...new Set(this.places.map((place) => places[place].column))].sort();
    const below = new Map<number, number>();
    for (const { band } of slots) this.ends.set(band.id, { out: 0, in: 0 });
    for (const place of this.places) {
      const { column } = places[place];
      const y = (below.get(column) ?? top) + (place === 'memory' ? this.passingHeight(slots) : 0);
      const leaving = this.stack(
        slots.filter(({ band }) => band.from === place),
        y,
        'out',
      );
      const arriving = this.stack(
        slots.filter(({ band }) => band.to === place),
        y,
        'in',
      );
      const height = Math.max(leaving, arriving, 24);
      this.nodes.set(place, { x: this.columnX(column), y, height });
      below.set(column, y + height + top + 6);
    }
    const feet = [...this.nodes.values()].map(({ y, height }) => y + height);
    const words = slots
      .filter(({ band }) => this.rises(band))
      .map(({ band, thickness }) => this.out(band)[1] + thickness / 2 + labelBelow + 2);
    this.height = Math.max(...feet, ...words) + 4;
  }

  /** What goes between pages and sockets passes above the memory of the process. */
  private passingHeight(slots: readonly Slot[]): number {
    if (!this.used.has('pages')) return 0;
    const passing = slots.filter(({ band }) => passes(band));
    const each = passing.map(({ thickness }) => labelHeight + slotGap + thickness);
    return (
      top +
      Math.max(
        labelHeight + slotGap,
        each.reduce((sum, height) => sum + height, 0),
      )
    );
  }

  /** True for a band that goes up from where it begins: its words then stand below it. */
  rises({ from, to }: Band): boolean {
    return this.node(to).y < this.node(from).y;
  }

  private stack(slots: readonly Slot[], y: number, end: 'out' | 'in'): number {
    // Those that pass by come first: they run along the top.
    const ordered = [...slots].sort((left, right) => Number(passes(right.band)) - Number(passes(left.band)));
    let at = y;
    for (const { band, thickness } of ordered) {
      const below = band.from === 'memory' && this.used.has('pages');
      if (!below) at += labelHeight;
      this.ends.get(band.id)![end] = at + thickness / 2;
      at += thickness + slotGap + (below ? labelHeight : 0);
    }
    return at - y;
  }

  private columnX(column: number): number {
    const index = this.columns.indexOf(column);
    const share = this.columns.length === 1 ? 0 : index / (this.columns.length - 1);
    return (this.mirrored ? 1 - share : share) * (this.width - nodeWidth);
  }

  node(place: Place) {
    return this.nodes.get(place)!;
  }

  out(band: Band): readonly [x: number, y: number] {
    return [this.node(band.from).x + nodeWidth, this.ends.get(band.id)!.out];
  }

  in(band: Band): readonly [x: number, y: number] {
    return [this.node(band.to).x, this.ends.get(band.id)!.in];
  }

  /** Width for a label. */
  room(band: Band): number {
    return this.in(band)[0] - this.out(band)[0] - 12;
  }
}

function passes({ from, to }: Band): boolean {
  return Math.abs(places[from].column - places[to].column) > 1;
}
