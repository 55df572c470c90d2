/// <reference lib="dom" />
// A chart over time on uPlot, with its own legend of figures, a cursor that follows the arrow keys, colours of the page's
// scheme, and a table that says the same. A page that has one adds uPlot's style sheet (tools/build-pages.mjs).
// Not here: what is drawn.

import UPlot from 'uplot';
import { element, setText, table } from './dom.js';

/** One place of a chart: the time in ms, then the values of its lines; `null` where there is none. */
export type ChartPoint = readonly [timeMs: number, ...values: (number | null)[]];

/** One line of a chart. */
export interface Line {
  readonly words: string;
  /** A custom property of the page's style: `--copied`. */
  readonly colour: string;
  /** Its place in a {@link ChartPoint}. */
  readonly index: number;
  readonly dash?: readonly number[];
  readonly filled?: boolean;
}

/** A chart and what belongs to it. */
export class Chart {
  private plot: UPlot | undefined;
  private points: readonly ChartPoint[] = [];
  private readonly box = element('div', { class: 'plot', tabindex: 0, role: 'img' });
  private readonly legend = element('ul', { class: 'legend' });
  private readonly figures: HTMLElement[] = [];
  private readonly rows = element('div', { class: 'scroll', tabindex: 0, role: 'region' });
  private readonly details = element('details', {}, element('summary', {}, 'As a table'), this.rows);

  /** Puts the chart into `target`. @param format writes a value. @param steps of the axis. */
  constructor(
    target: HTMLElement,
    private readonly title: string,
    private readonly lines: readonly Line[],
    private readonly format: (value: number) => string,
    private readonly steps?: readonly number[],
  ) {
    for (const { words, colour, dash } of lines) {
      const figure = element('b', {}, '–');
      this.figures.push(figure);
      const swatch = element('i', { class: `swatch ${colour.slice(2)}${dash === undefined ? '' : ' dashed'}` });
      this.legend.append(element('li', {}, swatch, `${words} `, figure));
    }
    this.rows.setAttribute('aria-label', `${title}, as a table`);
    target.append(this.box, this.legend, this.details);
    this.box.addEventListener('keydown', (event) => this.onKey(event));
    this.box.addEventListener('blur', () => this.plot?.setCursor({ left: -10, top: -10 }));
    this.details.addEventListener('toggle', () => this.fillTable());
    new ResizeObserver(() => this.resize()).observe(this.box);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.rebuild());
  }

  /** Shows points; a line without a single value is left out of the legend. */
  show(points: readonly ChartPoint[]): void {
    this.points = points;
    if (this.plot === undefined) this.rebuild();
    else this.plot.setData(this.data());
    this.lines.forEach(({ index }, at) => {
      this.legend.children[at]!.toggleAttribute(
        'hidden',
        points.every((point) => point[index] === null),
      );
    });
    if (this.plot?.cursor.idx == null) this.showFigures(points.length - 1);
    const last = points.at(-1);
    const words = this.lines
      .filter(({ index }) => last?.[index] != null)
      .map(({ words: name, index }) => `${name} ${this.format(last![index]!)}`);
    this.box.setAttribute('aria-label', `${this.title}. Now: ${words.join(', ')}. Arrow keys move the cursor.`);
    this.fillTable();
  }

  private data(): (number | null)[][] & [number[]] {
    const times = this.points.map((point) => point[0] / 1000);
    return [times, ...this.lines.map(({ index }) => this.points.map((point) => point[index] ?? null))] as never;
  }

  private rebuild(): void {
    this.plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } };
    this.plot = new UPlot(
      {
        ...this.size(),
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false } },
        padding: [8, 28, 0, 0],
        scales: { y: { range: (_plot, _low, high) => [0, high === null || high <= 0 ? 1 : high * 1.1] } },
        axes: [
          // The clock shows seconds: steps below one would name one of them several times.
          { ...axis, font, size: 28, space: 80, incrs: clockSteps, values: (_plot, times) => times.map(clock) },
          {
            ...axis,
            ...{ font, size: widthOf, space: 36, values: (_plot, values) => values.map((value) => this.format(value)) },
            ...(this.steps === undefined ? {} : { incrs: [...this.steps] }),
          },
        ],
        series: [
          {},
          ...this.lines.map((line) => ({
            label: line.words,
            stroke: colour(line.colour),
            width: 2,
            points: { show: false },
            ...(line.dash === undefined ? {} : { dash: [...line.dash] }),
            ...(line.filled === true ? { fill: `${colour(line.colour)}33` } : {}),
          })),
        ],
        hooks: { setCursor: [(plot) => this.showFigures(plot.cursor.idx ?? this.points.length - 1)] },
      },
      this.data(),
      this.box,
    );
  }

  private size(): { width: number; height: number } {
    return { width: Math.max(200, this.box.clientWidth), height: 220 };
  }

  private resize(): void {
    if (this.plot !== undefined && this.plot.width !== this.size().width) this.plot.setSize(this.size());
  }

  private showFigures(index: number): void {
    this.lines.forEach((line, at) => {
      const value = this.points[index]?.[line.index];
      setText(this.figures[at]!, value == null ? '–' : this.format(value));
    });
  }

  private onKey(event: KeyboardEvent): void {
    const { plot } = this;
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: Number.NEGATIVE_INFINITY, End: Number.POSITIVE_INFINITY }[
      event.key
    ];
    if (plot === undefined || step === undefined) return;
    event.preventDefault();
    const end = this.points.length - 1;
    const index = Math.min(end, Math.max(0, (plot.cursor.idx ?? end) + step));
    plot.setCursor({ left: plot.valToPos(this.points[index]![0] / 1000, 'x'), top: 0 });
  }

  private fillTable(): void {
    if (!(this.details as HTMLDetailsElement).open) return;
    const rows = this.points
      .slice(-30)
      .reverse()
      .map((point) => [
        clock(point[0] / 1000),
        ...this.lines.map(({ index }) => (point[index] === null ? '–' : this.format(point[index]!))),
      ]);
    this.rows.replaceChildren(
      table('The last 30 readings', ['Time', ...this.lines.map(({ words }) => `#${words}`)], rows),
    );
  }
}

/** Steps of the axis of time, in seconds. */
const clockSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

/** The font of both axes. */
const font = '12px system-ui, sans-serif';

/** The width that the axis of values needs for its longest label, and no less than most need, so that charts beside each other agree. */
function widthOf({ ctx }: UPlot, labels: readonly string[] | null): number {
  ctx.font = font;
  return Math.ceil(Math.max(76, ...(labels ?? []).map((label) => ctx.measureText(label).width + 12)));
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString('en-GB');
}
