// Says in sentences what a noisy host or a short time did to the figures. Text only; the figures come from rounds.ts.

import type { Measured } from './solve.js';

/** Rounds below which nothing can be said of how far a figure is off. */
const fewRounds = 3;

/** What a reader must know before he trusts the profile: series that had too few rounds, or an interval wider than half of the figure. */
export function noise(measured: ReadonlyMap<string, Measured>): string | undefined {
  const few = [...measured].filter(([, one]) => one.rounds < fewRounds).map(([name]) => name);
  const wide = [...measured].filter(([, one]) => one.rounds >= fewRounds && one.high - one.low > 0.5 * one.typical);
  if (few.length + wide.length === 0) return undefined;
  const sentences = [wideSentence(wide, measured.size), fewSentence(few, measured.size)].filter((text) => text !== '');
  return `${sentences.join('\n')}\nWhat rests on them may be off by as much. Measure again when nothing else runs, or with --seconds 55.`;
}

function fewSentence(few: readonly string[], all: number): string {
  if (few.length === 0) return '';
  const names = few.length > 6 ? `${few.slice(0, 6).join(', ')}, ...` : few.join(', ');
  return `Time was short: ${few.length} of ${all} measurements had fewer than ${fewRounds} rounds, so nobody knows how far they are off (${names}).`;
}

function wideSentence(wide: [string, Measured][], all: number): string {
  if (wide.length === 0) return '';
  const names = wide
    .sort(([, a], [, b]) => (b.high - b.low) / b.typical - (a.high - a.low) / a.typical)
    .slice(0, 6)
    .map(
      ([name, one]) =>
        `${name} ${Math.round((one.low / one.typical - 1) * 100)} to +${Math.round((one.high / one.typical - 1) * 100)} %`,
    );
  return `This host is noisy: ${wide.length} of ${all} measurements are not known to within a quarter (${names.join(', ')}).`;
}
