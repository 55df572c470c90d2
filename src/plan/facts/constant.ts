// What a constant of the model is: a number with its unit, the conditions it holds under, its source and its kind. The numbers: constants.ts.

type ConstantKind = 'published' | 'measured here' | 'assumed';

export interface Constant {
  value: number;
  unit: string;
  conditions: string;
  source: string;
  kind: ConstantKind;
  /** Identifiers of the published rows this value was solved from; those rows are never scored (published.ts). */
  fittedOn?: readonly string[];
}

function maker(kind: ConstantKind) {
  return (value: number, unit: string, conditions: string, source: string, fittedOn?: string[]): Constant => ({
    ...{ value, unit, conditions, source, kind },
    ...(fittedOn ? { fittedOn } : {}),
  });
}

/** A constant read or solved from the source named. */
export const published = maker('published');

/** A constant that is an estimate. */
export const assumed = maker('assumed');
