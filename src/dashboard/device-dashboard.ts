// The dashboard of devices: it is given their figures each second, and keeps ten minutes of what was a second's, so that a page that is opened later
// shows them too. Not here: the web server (live-page.ts), figures (vhost/device-figures.ts), drawing (page/).

import type { DevicesFigures, Measure } from '../vhost/device-figures.js';
import { type LiveAddress, type LiveEvent, LivePage } from './live-page.js';

/** The first thing that a page of devices is told. */
export interface DevicesHello {
  /** What is watched, in words. */
  readonly subject: string;
  /** What the figures of each device are, in their order. */
  readonly measures: readonly Measure[];
  readonly history: readonly DevicesPoint[];
}

/** One place of the charts: time in ms since 1970, then what each device did in a second, a value for each measure. */
export type DevicesPoint = readonly [timeMs: number, ...devices: (readonly number[])[]];

/** What a page is told each second. */
export interface DevicesFrame extends DevicesFigures {
  readonly timeMs: number;
}

/** What the page shows and where. */
export interface DeviceDashboardOptions extends LiveAddress {
  readonly subject: string;
  readonly measures: readonly Measure[];
}

const historyPoints = 600;

/** The point of a frame; what is no more than a thousandth is not worth its digits. */
export function pointOfDevices({ timeMs, devices }: DevicesFrame): DevicesPoint {
  return [timeMs, ...devices.map(({ now }) => now.map((value) => Math.round(value * 10) / 10))];
}

/** See the file's head. */
export class DeviceDashboard {
  readonly #options: DeviceDashboardOptions;
  readonly #history: DevicesPoint[] = [];
  #page: LivePage | undefined;
  #last: DevicesFrame | undefined;

  private constructor(options: DeviceDashboardOptions) {
    this.#options = options;
  }

  /** Opens it. @throws Error where the address is taken, with the fix. */
  static async open(options: DeviceDashboardOptions): Promise<DeviceDashboard> {
    const dashboard = new DeviceDashboard(options);
    const page = new URL('./page/devices.html', import.meta.url);
    dashboard.#page = await LivePage.open(options, page, () => dashboard.#greeting());
    return dashboard;
  }

  /** As {@link LivePage.urls}. */
  get urls(): readonly string[] {
    return this.#page!.urls;
  }

  /** Shows figures to everyone who looks. They must come in order. @param timeMs since 1970 */
  push(timeMs: number, figures: DevicesFigures): void {
    const frame: DevicesFrame = { timeMs, ...figures };
    this.#last = frame;
    this.#history.push(pointOfDevices(frame));
    if (this.#history.length > historyPoints) this.#history.shift();
    this.#page!.send('frame', frame);
  }

  /** As {@link LivePage.close}. */
  close(): Promise<void> {
    return this.#page!.close();
  }

  #greeting(): readonly LiveEvent[] {
    const { subject, measures } = this.#options;
    const hello: DevicesHello = { subject, measures, history: this.#history };
    return this.#last === undefined
      ? [['hello', hello]]
      : [
          ['hello', hello],
          ['last', this.#last],
        ];
  }
}
