// The drift of a device's clock against the system's: the slope of the position that the device tells of over the monotonic clock, by least squares,
// with its standard error. Constant memory, whatever the time. Pure. Not here: who looks at the positions.

/** Below this time a slope says nothing. */
const leastDriftSeconds = 30;

/** How far the device's clock is off. */
export interface Drift {
  /** Parts in a million by which the device is faster than its nominal rate. */
  readonly ppm: number;
  /** Of the slope, in parts in a million. It takes the errors of single readings for independent. */
  readonly standardErrorPpm: number;
  readonly seconds: number;
  readonly readings: number;
}

/** Takes readings of (time, position), and says the slope. */
export class DriftEstimate {
  private readings = 0;
  private firstSeconds = 0;
  private lastSeconds = 0;
  private firstFrames = 0;
  private meanX = 0;
  private meanY = 0;
  private squaresX = 0;
  private squaresY = 0;
  private products = 0;

  /** @param rate nominal, in frames a second */
  constructor(private readonly rate: number) {}

  /**
   * One reading. @param seconds of the monotonic clock when the position was true @param frames that the device has played since it began. After a
   * break (a pause, an xrun) begin anew: {@link restart}.
   */
  add(seconds: number, frames: number): void {
    if (this.readings === 0) {
      this.firstSeconds = seconds;
      this.firstFrames = frames;
    }
    this.lastSeconds = seconds;
    const x = seconds - this.firstSeconds;
    // What the device is ahead of its nominal rate: small numbers, so that no digits are lost.
    const y = frames - this.firstFrames - x * this.rate;
    this.readings++;
    const dx = x - this.meanX;
    const dy = y - this.meanY;
    this.meanX += dx / this.readings;
    this.meanY += dy / this.readings;
    this.squaresX += dx * (x - this.meanX);
    this.squaresY += dy * (y - this.meanY);
    this.products += dx * (y - this.meanY);
  }

  /** Forgets what was read: the device stopped, and its position no longer belongs to one line. */
  restart(): void {
    this.readings = 0;
    this.meanX = this.meanY = this.squaresX = this.squaresY = this.products = 0;
  }

  /** The drift, or `undefined` below {@link leastDriftSeconds} or three readings. */
  result(): Drift | undefined {
    const seconds = this.lastSeconds - this.firstSeconds;
    if (this.readings < 3 || seconds < leastDriftSeconds || this.squaresX <= 0) return undefined;
    const slope = this.products / this.squaresX;
    const rest = Math.max(0, this.squaresY - slope * this.products);
    const error = Math.sqrt(rest / (this.readings - 2) / this.squaresX);
    return {
      ppm: (slope / this.rate) * 1e6,
      standardErrorPpm: (error / this.rate) * 1e6,
      seconds,
      readings: this.readings,
    };
  }
}
