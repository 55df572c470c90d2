// Reading scenarios: defaults, checks whose messages name the allowed values, sizes and rates in words, the JSON schema. The fields are in
// fields.ts. It does not read files (cli/plan.ts does) and computes nothing.

import { parseSize, sizePattern } from '../text/units.js';
import { type ConstantId, constantIds, constantRange, isConstantId, isReplaceable } from './facts/constants.js';
import { type FieldKind, type FieldName, fieldNames, fields, type Scenario } from './fields.js';
import type { PcieGeneration, PcieLink } from './stages/pcie.js';

export {
  type Field,
  type FieldName,
  fieldNames,
  fields,
  type Path,
  type Scenario,
  type Way,
  ways,
} from './fields.js';

/** A scenario with every field at its default. */
export function defaultScenario(): Scenario {
  const scenario: Record<string, unknown> = { constants: {} };
  for (const name of fieldNames) scenario[name] = fields[name].default;
  return scenario as unknown as Scenario;
}

/** What is wrong with one field of a scenario, in words that name the allowed values. */
export interface ScenarioProblem {
  field: string;
  message: string;
}

const rateMultipliers: Record<string, number> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

// Without the flag i, so that the schema can carry it.
const ratePattern =
  /^\s*([0-9]*\.?[0-9]+(?:[eE][0-9]+)?)\s*([kKmMgGtT]?)(?:[bB](?:[iI][tT])?(?:\/[sS]|[pP][sS])?)?\s*$/;

/** Bits a second of `100G`, `2.5G`, `10e9`: powers of 1000. NaN when it is no rate. */
export function parseRate(text: string): number {
  const match = ratePattern.exec(text);
  return match ? Number(match[1]) * (rateMultipliers[(match[2] ?? '').toLowerCase()] ?? Number.NaN) : Number.NaN;
}

/** The link a scenario describes (`gen4x16`, MPS, MRRS). */
export function linkOf(scenario: Pick<Scenario, 'pcie' | 'mps' | 'mrrs'>): PcieLink {
  const match = pciePattern.exec(scenario.pcie);
  return {
    generation: Number(match?.[1] ?? 3) as PcieGeneration,
    lanes: Number(match?.[2] ?? 16) as PcieLink['lanes'],
    mps: scenario.mps,
    mrrs: scenario.mrrs,
    addressBits: 64,
    ecrc: false,
    completionBytes: 0,
  };
}

const pciePattern = /^gen([1-7])x(1|2|4|8|16|32)$/;

/** A value as it was given, short enough for a sentence and safe to print. */
function asGiven(given: unknown): string {
  if (typeof given === 'object' && given !== null) return Array.isArray(given) ? 'a list' : 'a mapping';
  if (typeof given !== 'string') return String(given);
  return JSON.stringify(given.length > 60 ? `${given.slice(0, 57)}...` : given);
}

/** A plain number, as a text of an option or of a link; NaN when it is none. */
function parseNumber(text: string): number {
  return /^\s*-?[0-9]*\.?[0-9]+(e-?[0-9]+)?\s*$/i.test(text) ? Number(text) : Number.NaN;
}

/** A figure as it was given, or in words. NaN when it is none of its kind. */
function parseFigure(kind: FieldKind, given: unknown): number {
  if (typeof given === 'number') return given;
  if (typeof given !== 'string') return Number.NaN;
  if (kind === 'size') return parseSize(given);
  return kind === 'rate' ? parseRate(given) : parseNumber(given);
}

/** Checks one value against its field; returns the value in the model's unit, or a message with what is allowed. */
export function readField(name: FieldName, given: unknown): { value: unknown } | { problem: string } {
  const field = fields[name];
  const shown = asGiven(given);
  if (field.kind === 'text')
    return typeof given === 'string' ? { value: given } : { problem: `${shown} is not a text` };
  if (field.kind === 'flag') return readFlag(given, shown);
  if (field.kind === 'choice') {
    const single = typeof given === 'string' || typeof given === 'number';
    const found = single ? field.values?.find((value) => String(value) === String(given)) : undefined;
    return found === undefined ? { problem: `${shown} is not one of: ${field.values?.join(', ')}` } : { value: found };
  }
  if (field.kind === 'pcie') {
    return typeof given === 'string' && pciePattern.test(given)
      ? { value: given }
      : { problem: `${shown} is not gen1 to gen7 with x1, x2, x4, x8, x16 or x32, as in gen4x16` };
  }
  const value = parseFigure(field.kind, given);
  const low = field.minimum ?? Number.NEGATIVE_INFINITY;
  const high = field.maximum ?? Number.POSITIVE_INFINITY;
  if (!(value >= low && value <= high)) {
    const example = field.kind === 'size' ? ', such as 64K' : field.kind === 'rate' ? ', such as 100G' : '';
    const bound = (number: number): string => (field.kind === 'rate' ? `${number / 1e9}G` : String(number));
    return { problem: `${shown} is not a ${field.kind} from ${bound(low)} to ${bound(high)}${example}` };
  }
  if (!Number.isInteger(value) && field.kind !== 'rate' && !field.fraction) {
    return { problem: `${shown} is not a whole ${field.kind} from ${low} to ${high}` };
  }
  if (field.powerOfTwo && !Number.isInteger(Math.log2(value))) {
    return { problem: `${shown} is not a power of two from ${low} to ${high}, such as 4K, 64K or 2M` };
  }
  return { value };
}

/** Largest frame of a packet path when the MTU does not say more: a jumbo frame with header, VLAN tag and FCS. */
const jumboFrame = 9216 + 22;

/** Smallest MTU of IPv6 (RFC 8200, section 5). */
const smallestIp6 = 1280;
/** Smallest MTU of a tunnelled scenario: what every IPv4 host takes (RFC 791). */
const smallestTunnelled = 576;

/** Whether a path handles frames one by one, so that `message` is a frame. */
export const isFramePath = (path: Scenario['path']): boolean =>
  path !== 'socket' && !path.startsWith('dma-') && !path.startsWith('request-');

/** What single fields allow and together cannot be; `settled` fixes the same. */
function jointProblems(scenario: Scenario): ScenarioProblem[] {
  const problems: ScenarioProblem[] = [];
  if (scenario.ip === 6 && scenario.mtu < smallestIp6) {
    problems.push({
      field: 'mtu',
      message: `${scenario.mtu} is not a size from ${smallestIp6} to 65535: IPv6 needs it`,
    });
  }
  if (scenario.path === 'socket' && scenario.tunnel !== 'none' && scenario.mtu < smallestTunnelled) {
    const message = `${scenario.mtu} is not a size from ${smallestTunnelled} to 65535: a tunnel's headers need room`;
    problems.push({ field: 'mtu', message });
  }
  const largest = Math.max(jumboFrame, scenario.mtu + 22);
  if (isFramePath(scenario.path) && scenario.message > largest) {
    const why = `path ${scenario.path} handles frames; with a larger mtu they may be larger`;
    problems.push({ field: 'message', message: `${scenario.message} is not a size from 1 to ${largest}: ${why}` });
  }
  return problems;
}

/** A scenario in which what cannot be together is fixed: the page changes one field at a time. */
export function settled(scenario: Scenario): Scenario {
  const fixed = { ...scenario };
  for (const { field } of jointProblems(scenario)) {
    if (field === 'mtu') fixed.mtu = Math.max(fixed.mtu, scenario.ip === 6 ? smallestIp6 : smallestTunnelled);
    if (field === 'message') fixed.message = 64;
  }
  return fixed;
}

function readFlag(given: unknown, shown: string): { value: unknown } | { problem: string } {
  if (given === true || given === 'true' || given === 'on') return { value: true };
  if (given === false || given === 'false' || given === 'off') return { value: false };
  return { problem: `${shown} is not one of: true, false` };
}

/** Reads a parsed file or an object of options into a whole scenario. Problems name the field; the caller knows its line. */
export function readScenario(given: unknown): { scenario: Scenario; problems: ScenarioProblem[] } {
  const scenario = defaultScenario() as unknown as Record<string, unknown>;
  const problems: ScenarioProblem[] = [];
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return {
      scenario: defaultScenario(),
      problems: [{ field: '', message: 'a scenario is a mapping of fields to values' }],
    };
  }
  for (const [name, value] of Object.entries(given)) {
    if (name === 'constants') readConstants(value, scenario, problems);
    else if (!Object.hasOwn(fields, name)) {
      problems.push({ field: name, message: `no such field; the fields are: ${fieldNames.join(', ')}, constants` });
    } else {
      const read = readField(name as FieldName, value);
      if ('problem' in read) problems.push({ field: name, message: read.problem });
      else scenario[name] = read.value;
    }
  }
  const read = scenario as unknown as Scenario;
  // A packet-rate test that does not say its frame means the smallest one.
  if (isFramePath(read.path) && !Object.hasOwn(given, 'message')) read.message = 64;
  if (!Object.hasOwn(given, 'flows')) read.flows = Math.max(read.flows, read.cores);
  if (problems.length === 0) problems.push(...jointProblems(read));
  return { scenario: read, problems };
}

const replaceable: readonly ConstantId[] = constantIds.filter(isReplaceable);

/** What is wrong with a constant that a scenario replaces; undefined when nothing is. */
export function constantProblem(id: string, value: unknown): string | undefined {
  if (!isConstantId(id)) return `no such constant; the constants are: ${replaceable.join(', ')}`;
  if (!isReplaceable(id))
    return 'it is fixed by the PCIe specification or the NIC profile; choose pcie, mps, nicProfile';
  const { minimum, maximum } = constantRange(id);
  if (typeof value === 'number' && value >= minimum && value <= maximum) return undefined;
  return `${asGiven(value)} is not a number of ${minimum} or more, to ${maximum}`;
}

function readConstants(given: unknown, scenario: Record<string, unknown>, problems: ScenarioProblem[]): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    problems.push({ field: 'constants', message: 'constants is a mapping of names to numbers' });
    return;
  }
  const values: Record<string, number> = {};
  for (const [id, value] of Object.entries(given)) {
    const message = constantProblem(id, value);
    if (message === undefined) values[id] = value as number;
    else problems.push({ field: `constants.${id}`, message });
  }
  scenario.constants = values;
}

/** The JSON schema of scenario files (draft 2020-12); docs/scenario.schema.json is this, written out. */
export function scenarioSchema(): Record<string, unknown> {
  const properties: Record<string, unknown> = {};
  for (const name of fieldNames) {
    const field = fields[name];
    const description = field.about;
    if (field.kind === 'choice') properties[name] = { enum: field.values, default: field.default, description };
    else if (field.kind === 'flag') properties[name] = { type: 'boolean', default: field.default, description };
    else if (field.kind === 'number') {
      properties[name] = {
        type: field.fraction ? 'number' : 'integer',
        minimum: field.minimum,
        maximum: field.maximum,
        default: field.default,
        description,
      };
    } else if (field.kind === 'size' || field.kind === 'rate') {
      const unit =
        field.kind === 'size' ? 'bytes, or text such as 64K (powers of 1024)' : 'bit/s, or text such as 100G';
      properties[name] = {
        type: ['number', 'string'],
        pattern: (field.kind === 'size' ? sizePattern : ratePattern).source,
        minimum: field.minimum,
        maximum: field.maximum,
        default: field.default,
        description: `${description} (${unit})`,
      };
    } else if (field.kind === 'pcie') {
      properties[name] = { type: 'string', pattern: pciePattern.source, default: field.default, description };
    } else properties[name] = { type: 'string', default: field.default, description };
  }
  properties.constants = {
    type: 'object',
    description: 'constants to replace by name; `clearway plan --explain` lists them with units and sources',
    propertyNames: { enum: replaceable },
    additionalProperties: { type: 'number', minimum: 0, maximum: 1e12 },
  };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Clearway scenario',
    description: 'One packet journey for `clearway plan --scenario FILE` (YAML or JSON). Every field may be left out.',
    type: 'object',
    properties,
    additionalProperties: false,
  };
}
