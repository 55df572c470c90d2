// Kernel types recorded as data: what a program asked of BTF, kept as JSON, so that its instructions can be
// snapshot-tested on any kernel (and a lab guest's layout compared with this host's).

import { wrongArgument } from '../text/coded.js';
import type { TypeSource } from './assembler.js';

/** Answers by question, `field sk_buff len` -> the field; `null` where the kernel has none. */
export type TypeRecord = Record<string, unknown>;

type Question = keyof TypeSource;

/** A type source that answers from `types` and writes every answer into `record`. */
export function recordTypes(types: TypeSource, record: TypeRecord): TypeSource {
  const ask = (question: Question, ...values: (string | undefined)[]): never => {
    const answer = (types[question] as (...values: (string | undefined)[]) => unknown).call(types, ...values);
    record[[question, ...values].filter((each) => each !== undefined).join(' ')] = answer ?? null;
    return answer as never;
  };
  return sourceFrom(ask);
}

/** A type source that answers from a record alone. @throws RangeError for a question it has no answer to. */
export function replayTypes(record: TypeRecord): TypeSource {
  return sourceFrom((question, ...values): never => {
    const key = [question, ...values].filter((each) => each !== undefined).join(' ');
    if (!(key in record)) throw wrongArgument(`the recorded types have no answer to "${key}"`);
    return (record[key] ?? undefined) as never;
  });
}

function sourceFrom(ask: (question: Question, ...values: (string | undefined)[]) => never): TypeSource {
  return {
    field: (structName, path) => ask('field', structName, path),
    hasField: (structName, path) => ask('hasField', structName, path),
    enumValue: (enumerator, enumName) => ask('enumValue', enumerator, enumName),
    structSize: (name) => ask('structSize', name),
    struct: (name) => ask('struct', name),
    functionId: (name) => ask('functionId', name),
    prototype: (name) => ask('prototype', name),
    tracepoint: (name) => ask('tracepoint', name),
  };
}
