// A scenario as the fragment of an address, so that a link can be shared and the page works as a file with no server behind it. Only what
// differs from the defaults is written.

import {
  constantProblem,
  defaultScenario,
  type FieldName,
  fieldNames,
  fields,
  isFramePath,
  readField,
  readScenario,
  type Scenario,
  settled,
} from './scenario.js';

/** The fragment of a scenario, with its `#`; empty for the default scenario. */
export function scenarioToHash(scenario: Scenario): string {
  const words = new URLSearchParams();
  const defaults = defaultScenario();
  // Left out, these two follow other fields (readScenario).
  const following: FieldName[] = [];
  if (scenario.cores > 1) following.push('flows');
  if (isFramePath(scenario.path)) following.push('message');
  for (const name of fieldNames) {
    if (scenario[name] !== defaults[name] || following.includes(name)) words.set(name, String(scenario[name]));
  }
  for (const [id, value] of Object.entries(scenario.constants)) words.set(`constants.${id}`, String(value));
  const text = words.toString();
  return text === '' ? '' : `#${text}`;
}

/** The scenario of a fragment; what it does not understand is left at its default. */
export function scenarioFromHash(hash: string): Scenario {
  const given: Record<string, unknown> = {};
  const constants: Record<string, number> = {};
  for (const [name, value] of new URLSearchParams(hash.replace(/^#/, ''))) {
    const id = name.replace(/^constants\./, '');
    if (name.startsWith('constants.')) {
      if (value !== '' && constantProblem(id, Number(value)) === undefined) constants[id] = Number(value);
    } else {
      const known = Object.hasOwn(fields, name);
      if (known && !('problem' in readField(name as FieldName, value))) given[name] = value;
    }
  }
  return settled(readScenario({ ...given, constants }).scenario);
}
