// Conditions for continuous integration: `amplification > 1.1`, `reverted >= 1MiB`. A condition that cannot be judged
// counts as failed, with the reason: silence must not pass for success.

import { parseSize } from '../text/units.js';
import { type CauseName, causes } from './accounts/causes.js';
import type { Reading } from './meter.js';

/** A condition that must not hold. */
export interface Condition {
  readonly text: string;
  readonly metric: string;
  readonly operator: Operator;
  readonly value: number;
}

type Operator = '>' | '>=' | '<' | '<=' | '==' | '!=';

const compare: Readonly<Record<Operator, (left: number, right: number) => boolean>> = {
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '==': (left, right) => left === right,
  '!=': (left, right) => left !== right,
};

/** Figures of the summary by the names conditions use; `null` where there was no payload. */
const figures: Readonly<Record<string, (reading: Reading) => number | null>> = {
  amplification: ({ summary }) => summary.amplification.total,
  'amplification.sent': ({ summary }) => summary.amplification.sent,
  'amplification.received': ({ summary }) => summary.amplification.received,
  copied: ({ summary }) => summary.copied,
  userToKernel: ({ summary }) => summary.userToKernel,
  kernelToUser: ({ summary }) => summary.kernelToUser,
  kernelToKernel: ({ summary }) => summary.kernelToKernel,
  byReference: ({ summary }) => summary.byReference,
};

/** Figures of the summary, for whoever has to be told which there are. */
export const summaryNames: readonly string[] = Object.keys(figures);

/** Every name a condition may use: figures of the summary, and counters. */
export const metricNames: readonly string[] = [...Object.keys(figures), ...Object.keys(causes)];

/** A condition that is not one. */
export class ConditionError extends Error {
  override readonly name = 'ConditionError';
  readonly code = 'CLEARWAY_METER_CONDITION';
  /** The unknown metric, for a suggestion; `undefined` where the form is wrong. */
  readonly metric: string | undefined;

  constructor(message: string, metric?: string) {
    super(message);
    this.metric = metric;
  }
}

/** Parses `METRIC OPERATOR NUMBER`; bytes are written as all sizes are (`1500`, `64K`, `1.5MiB`). @throws ConditionError */
export function parseCondition(text: string): Condition {
  const [, metric = '', operator, number = ''] = /^\s*([A-Za-z][A-Za-z.]*)\s*(>=|<=|==|!=|>|<)(.*)$/s.exec(text) ?? [];
  const value = parseSize(number);
  if (Number.isNaN(value)) {
    throw new ConditionError(
      `${JSON.stringify(text)} is no condition: write for example 'amplification > 1.1' or 'reverted >= 1M'`,
    );
  }
  if (!metricNames.includes(metric)) throw new ConditionError(`there is no figure ${JSON.stringify(metric)}`, metric);
  return { text: text.trim(), metric, operator: operator as Operator, value };
}

/** Judges a condition. @returns why it failed, in a sentence, or `undefined` where it did not hold. */
export function judge(condition: Condition, reading: Reading): string | undefined {
  const figure = figures[condition.metric];
  const value = figure === undefined ? reading.counters[condition.metric as CauseName] : figure(reading);
  if (value === null) return `${condition.text} cannot be judged: no payload was seen`;
  if (value === undefined) {
    if (reading.rows.length === 0) return `${condition.text} cannot be judged: no transfer was seen`;
    return `${condition.text} cannot be judged: the ${reading.tier} tier does not see ${condition.metric}`;
  }
  if (!compare[condition.operator](value, condition.value)) return undefined;
  const shown = Number.isInteger(value) ? String(value) : value.toFixed(4);
  return `${condition.text} holds: ${condition.metric} is ${shown}`;
}
