// Looking up in rising numbers: the one search of all tables of a film. Not here: the tables.

/** The index of the last value, of rising ones, that is `limit` or less; -1 when there is none. */
export function lastAtMost(values: Uint32Array | Float64Array, limit: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
