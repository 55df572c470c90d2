// The types that the function tier asks a kernel for, as data: recorded in guests (test/vm/record-types.ts) and replayed by
// the snapshot test, so that the programs for kernels which no test host runs are compared on every machine.

import { recordTypes, replayTypes, type TypeRecord } from '../../src/bpf/type-record.js';
import type { TierTypes } from '../../src/meter/functions/target.js';

/** What a kernel answered: its own types, and by name those of the modules that were loaded. */
export interface TierTypeRecord {
  /** As uname -r says it. */
  readonly kernel: string;
  readonly own: TypeRecord;
  readonly modules: Record<string, TypeRecord>;
}

/** Types that answer as `types` does and write every answer into `record`. */
export function recordTierTypes(types: TierTypes, record: TierTypeRecord): TierTypes {
  return {
    kernel: recordTypes(types.kernel, record.own),
    module: (name) => {
      const source = types.module(name);
      if (source === undefined) return undefined;
      const answers = record.modules[name] ?? {};
      record.modules[name] = answers;
      return recordTypes(source, answers);
    },
  };
}

/** Types that answer from a record alone; a module that was not loaded then is not loaded now. */
export function replayTierTypes(record: TierTypeRecord): TierTypes {
  return {
    kernel: replayTypes(record.own),
    module: (name) => (record.modules[name] === undefined ? undefined : replayTypes(record.modules[name])),
  };
}

/** The record as text: one line an answer, sorted, so that a difference between kernels is a readable diff. */
export function formatTierTypes({ kernel, own, modules }: TierTypeRecord): string {
  const lines = (answers: TypeRecord): string =>
    Object.keys(answers)
      .sort()
      .map((question) => `  ${JSON.stringify(question)}: ${JSON.stringify(answers[question])}`)
      .join(',\n');
  const parts = Object.keys(modules)
    .sort()
    .map((name) => `${JSON.stringify(name)}: {\n${lines(modules[name]!)}\n}`);
  return `{"kernel": ${JSON.stringify(kernel)}, "own": {\n${lines(own)}\n}, "modules": {${parts.join(', ')}}}\n`;
}
