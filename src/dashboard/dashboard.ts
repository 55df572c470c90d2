// The dashboard of copies: it is given observations, and keeps ten minutes of points, so that a page that is opened later shows them too.
// Not here: the web server (live-page.ts), what a frame holds (frame.ts), where observations come from (the commands).

import { type ChartPoint, type Frame, FrameMaker, type Hello, type Observation, pointOf } from './frame.js';
import { type LiveAddress, type LiveEvent, LivePage } from './live-page.js';

/** What a dashboard shows and where. */
export interface DashboardOptions extends LiveAddress {
  /** What is watched, in words. */
  readonly subject: string;
  /** Why there are no figures of the kernel, where there are none. */
  readonly refusal?: string | undefined;
}

const historyPoints = 600;

/** A running dashboard. */
export class Dashboard {
  private readonly options: DashboardOptions;
  private readonly frames = new FrameMaker();
  private readonly history: ChartPoint[] = [];
  private page: LivePage | undefined;
  private last: Frame | undefined;

  private constructor(options: DashboardOptions) {
    this.options = options;
  }

  /** Opens a dashboard. @throws Error where the address is taken, with the fix. */
  static async open(options: DashboardOptions): Promise<Dashboard> {
    const dashboard = new Dashboard(options);
    const page = new URL('./page/dashboard.html', import.meta.url);
    dashboard.page = await LivePage.open(options, page, () => dashboard.greeting());
    return dashboard;
  }

  /** As {@link LivePage.urls}. */
  get urls(): readonly string[] {
    return this.page!.urls;
  }

  /** The first of {@link urls}. */
  get url(): string {
    return this.urls[0]!;
  }

  /** True while a page looks. */
  get watched(): boolean {
    return this.page!.watched;
  }

  /** Shows an observation to everyone who looks. They must come in order. */
  push(observation: Observation): void {
    const frame = this.frames.next(observation);
    this.last = frame;
    this.history.push(pointOf(frame));
    if (this.history.length > historyPoints) this.history.shift();
    this.page!.send('frame', frame);
  }

  /** As {@link LivePage.close}. */
  close(): Promise<void> {
    return this.page!.close();
  }

  private greeting(): readonly LiveEvent[] {
    const { subject, refusal } = this.options;
    const hello: Hello = { subject, refusal: refusal ?? null, history: this.history };
    return this.last === undefined
      ? [['hello', hello]]
      : [
          ['hello', hello],
          ['last', this.last],
        ];
  }
}
