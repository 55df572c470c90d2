// What every comparison of calibration is made of: a figure that the profile predicts beside the one that was measured. Arithmetic and words only. Not here: which points are
// compared and what the model says to them (check-*.ts).

import type { Measured } from './solve.js';

/** Both figures of one point, in nanoseconds. */
export interface Compared {
  readonly predicted: number;
  readonly measured: number;
  /** Predicted over measured, less one. */
  readonly error: number;
}

/** The points that were measured, each with what was predicted for it. @param name of a point's series */
export function compared<Point extends object>(
  measured: ReadonlyMap<string, Measured>,
  points: readonly Point[],
  name: (point: Point) => string,
  predict: (point: Point) => number,
): (Point & Compared)[] {
  return points.flatMap((point) => {
    const one = measured.get(name(point));
    if (one === undefined) return [];
    const predicted = predict(point);
    return [{ ...point, predicted, measured: one.typical, error: predicted / one.typical - 1 }];
  });
}

/** An error as a table has it: with its sign, in whole per cent. */
export function percent(error: number): string {
  return `${error >= 0 ? '+' : ''}${Math.round(error * 100)} %`;
}
