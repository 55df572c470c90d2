// What every command needs to talk to people: the error for a wrong use, and the nearest word to a mistyped one.
// Not here: the commands, and the dispatcher that runs them (dispatch.ts).

/**
 * The command was used wrongly (an unknown option, a value out of range). The dispatcher prints the message as one
 * sentence on stderr and ends with status 2. The message says what is wrong and what to write instead.
 */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'CLEARWAY_USAGE';
}

/**
 * The candidate nearest to a mistyped word, or undefined when none is near: at most one edit for every three letters
 * (a swap of neighbours is one edit), or the word is the beginning of exactly one candidate.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const begun = candidates.filter((candidate) => word.length > 0 && candidate.startsWith(word));
  if (begun.length === 1) return begun[0];
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, substitutions and swaps of neighbours between two words (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let distance = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        distance = Math.min(distance, beforeLast[column - 2]! + 1);
      }
      current.push(distance);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}
