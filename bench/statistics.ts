// The few statistics a comparison needs: medians, quantiles, spreads, and ratios of rounds that ran next to each other.

/** The median; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value that `share` of sorted ones do not exceed; NaN for none. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** The ratios of each round; rounds that lack either value are left out. */
export function roundRatios(
  numerators: readonly (number | undefined)[],
  denominators: readonly (number | undefined)[],
): number[] {
  const ratios: number[] = [];
  for (const [round, numerator] of numerators.entries()) {
    const denominator = denominators[round];
    if (numerator === undefined || !denominator) continue;
    ratios.push(numerator / denominator);
  }
  return ratios;
}

/**
 * The median of the ratios of each round. Both values of a round were measured within seconds of each other, so what slows
 * the whole machine for a while cancels; the ratio of two medians would not have that.
 */
export function pairedRatio(
  numerators: readonly (number | undefined)[],
  denominators: readonly (number | undefined)[],
): number {
  return median(roundRatios(numerators, denominators));
}

/** So many values in a row must not be less than all before them. */
const settledValues = 2;
/** What is less by this share or more is less. */
const settledShare = 0.05;

/** Whether values have stopped falling, as far as their noise lets one see: costs while caches fill and code is compiled. */
export function haveSettled(values: readonly number[]): boolean {
  if (values.length <= settledValues) return false;
  const least = Math.min(...values.slice(0, -settledValues));
  return values.slice(-settledValues).every((value) => !(value < least * (1 - settledShare)));
}

/** The smallest and the largest value; undefined for none. */
export function range(values: readonly number[]): { least: number; most: number } | undefined {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.length === 0 ? undefined : { least: Math.min(...known), most: Math.max(...known) };
}
