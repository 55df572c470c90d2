// The few statistics a comparison needs: medians, spreads, and ratios of rounds that ran next to each other.

/** The median; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** (largest - smallest) / median: how far the rounds are apart. 0 for fewer than two. */
export function spread(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.length < 2 ? 0 : (Math.max(...known) - Math.min(...known)) / median(known);
}

/**
 * The median of the ratios of each round. Both values of a round were measured within seconds of each other, so what slows
 * the whole machine for a while cancels; the ratio of two medians would not have that. Rounds that lack either are left out.
 */
export function pairedRatio(
  numerators: readonly (number | undefined)[],
  denominators: readonly (number | undefined)[],
): number {
  const ratios: number[] = [];
  for (const [round, numerator] of numerators.entries()) {
    const denominator = denominators[round];
    if (numerator === undefined || !denominator) continue;
    ratios.push(numerator / denominator);
  }
  return median(ratios);
}
