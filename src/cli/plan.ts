// `clearway plan`: reads a scenario from a file or from options, answers it with plan/, prints a report or JSON, or opens the page.
// All modelling is in plan/; this file reads, checks and prints.

import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Document, isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { hereDefaults, loadHost, profilePath } from '../calibrate/host-profile.js';
import { type Answer, type AnswerOptions, answer } from '../plan/answers/answer.js';
import { explanation, report } from '../plan/answers/report.js';
import type { Host } from '../plan/facts/hosts.js';
import { scenarioToHash } from '../plan/link.js';
import {
  type Field,
  fieldNames,
  fields,
  readScenario,
  type Scenario,
  type ScenarioProblem,
  scenarioSchema,
  type Way,
  ways,
} from '../plan/scenario.js';
import { fileTrouble } from '../text/file-trouble.js';
import { wrap } from '../text/wrap.js';
import { parseFlags } from './kit/flags.js';
import { dressed, formOf, printable } from './kit/terminal.js';
import { nearest, UsageError } from './kit/usage.js';

const usage = `Usage: clearway plan [--scenario FILE] [--FIELD VALUE ...] [--json | --explain | --open]

Predicts where a packet's time goes: time line, bottleneck, send modes side by side, advice.

  --scenario FILE  YAML or JSON with the fields below ("-" reads standard input)
  --here           this host, as \`clearway calibrate\` measured it
  --way A,B        send modes: the first is planned, and all are compared
  --json           the answer as JSON
  --explain        every stage with its terms, every constant with its source
  --schema         the JSON schema of scenario files
  --open           open an interactive page with this scenario

Fields (docs/plan.md explains them):
`;

interface Given {
  scenario: Scenario;
  compared: Way[] | undefined;
}

/** Problems of a scenario file, a line each; they begin with FILE:LINE, as those of compilers do. */
class PlanError extends Error {
  readonly code = 'CLEARWAY_SCENARIO';
}

function help(): string {
  const lines = fieldNames.map((name) => {
    const field = fields[name];
    const allowed = field.values ? field.values.join(' | ') : field.kind;
    const given = defaultOf(field);
    const about = `${field.about}${given === '' ? '' : ` (default ${given})`}`;
    const { columns } = formOf(process.stdout);
    const part = (text: string, first: string, rest: string) =>
      wrap(text, Math.max(40, Math.min(columns, 120)) - rest.length).map(
        (line, at) => `${at === 0 ? first : rest}${line}`,
      );
    return [...part(allowed, `  --${name} `, ' '.repeat(8)), ...part(about, ' '.repeat(8), ' '.repeat(8))].join('\n');
  });
  return `${usage}${lines.join('\n')}\n`;
}

/** A field's default as one would write it; empty when it has none. */
function defaultOf({ kind, default: value }: Field): string {
  if (kind === 'size') return sizeAsWritten(Number(value));
  if (kind === 'rate') return `${Number(value) / 1e9}G`;
  return String(value);
}

/** A size as an option takes it: 64K, 2M, 1500. */
function sizeAsWritten(bytes: number): string {
  for (const [unit, size] of Object.entries({ G: 2 ** 30, M: 2 ** 20, K: 2 ** 10 })) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}

/** Problems that are printed one by one; who has more begins with these. */
const mostProblems = 10;

/** A field's name as the file has it, if it is not too long. */
const fieldText = (name: string): string => printable(name.length > 60 ? `${name.slice(0, 57)}...` : name);

/** A problem's message; of a field that does not exist, the nearest one that does. */
function withGuess({ field, message }: ScenarioProblem): string {
  const guess = message.startsWith('no such field') ? nearest(field, [...fieldNames, 'constants']) : undefined;
  return guess === undefined ? message : `no such field: did you mean ${guess}?`;
}

/** What the YAML library says to programmers, said to the writer of the file. */
function plainWords(message: string): string {
  if (message.includes('call stack')) return 'nested too deeply: a scenario is one flat mapping of fields to values';
  if (message.includes('multiple documents')) return 'a second document begins: a scenario is one document';
  return message;
}

/** The values of a parsed file; a file whose aliases grow without end is refused. */
function valuesOf(document: Document.Parsed, name: string): unknown {
  try {
    return document.toJS() ?? {};
  } catch {
    throw new PlanError(
      `${name}:1: its YAML aliases stand for too much: write the values out, one "field: value" a line`,
    );
  }
}

/** Reads a scenario file; a problem names file, line, field and what is allowed. */
function readScenarioText(text: string, name: string): Record<string, unknown> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const failure = document.errors[0];
  if (failure) {
    const where = `${name}:${lines.linePos(failure.pos[0]).line}`;
    throw new PlanError(
      `${where}: ${plainWords(failure.message)}\n${where}: allowed is YAML or JSON: one "field: value" a line, as in "mtu: 1500", ` +
        `"constants: { copy.tx: 0.08 }". The fields are: ${fieldNames.join(', ')}, constants`,
    );
  }
  const given = valuesOf(document, name);
  const { problems } = readScenario(given);
  if (problems.length > 0) {
    const lineOf = (field: string): number => {
      const [outer, inner] = field.split(/\.(.*)/s);
      let node: unknown = document.contents;
      let offset = 0;
      for (const key of [outer, inner]) {
        if (!key || !isMap(node)) break;
        const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
        if (!pair) break;
        offset = (isScalar(pair.key) ? pair.key.range?.[0] : undefined) ?? offset;
        node = pair.value;
      }
      return lines.linePos(offset).line;
    };
    const words = problems
      .slice(0, mostProblems)
      .map(
        (one) =>
          `${name}:${lineOf(one.field)}: ${one.field === '' ? '' : `${fieldText(one.field)}: `}${withGuess(one)}`,
      );
    if (problems.length > mostProblems) words.push(`${name}: and ${problems.length - mostProblems} more like these`);
    throw new PlanError(words.join('\n'));
  }
  return given as Record<string, unknown>;
}

async function readInput(file: string): Promise<string> {
  if (file === '-') {
    let text = '';
    for await (const part of process.stdin.setEncoding('utf8')) text += part;
    return text;
  }
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read the scenario ${file}: ${fileTrouble(error)}`);
  }
}

function optionProblems(problems: readonly ScenarioProblem[]): string {
  return problems.map((one) => `--${one.field}: ${one.message}`).join('; ');
}

async function scenarioFrom(values: Record<string, string | boolean | undefined>): Promise<Given> {
  const merged: Record<string, unknown> = {};
  if (typeof values.scenario === 'string') {
    const name = values.scenario === '-' ? 'standard input' : values.scenario;
    Object.assign(merged, readScenarioText(await readInput(values.scenario), name));
  }
  let compared: Way[] | undefined;
  for (const name of fieldNames) {
    const value = values[name];
    if (value === undefined) continue;
    if (name === 'way' && typeof value === 'string' && value.includes(',')) {
      const list = value.split(',').map((one) => one.trim());
      const unknown = list.find((one) => !ways.includes(one as Way));
      if (unknown !== undefined) throw new UsageError(`--way: "${unknown}" is not one of: ${ways.join(', ')}`);
      compared = list as Way[];
      merged.way = list[0];
    } else merged[name] = value;
  }
  if (values.here === true) Object.assign(merged, { ...hereDefaults, ...merged, host: 'here' });
  const { scenario, problems } = readScenario(merged);
  if (problems.length > 0) throw new UsageError(optionProblems(problems));
  return { scenario, compared };
}

/** This host's profile, when the scenario asks for it. */
function hostFor(scenario: Scenario): Host | undefined {
  if (scenario.host !== 'here') return undefined;
  const profile = loadHost();
  if (!profile) {
    throw new UsageError(`there is no profile of this host at ${profilePath()}; measure it first: clearway calibrate`);
  }
  return profile;
}

async function openPage(scenario: Scenario): Promise<number> {
  const page = fileURLToPath(new URL('../plan/page/plan.html', import.meta.url));
  try {
    await readFile(page);
  } catch {
    throw new UsageError(`the page is not built at ${page}; build it: npm run build`);
  }
  const url = `${pathToFileURL(page).href}${scenarioToHash(scenario)}`;
  console.log(`the page to play with: ${url}`);
  const opener = process.platform === 'darwin' ? 'open' : process.platform === 'win32' ? 'explorer' : 'xdg-open';
  const child = spawn(opener, [url], { stdio: 'ignore', detached: true });
  child.on('error', () => console.error(`clearway plan: there is no ${opener} here: open that address in a browser`));
  child.unref();
  return 0;
}

function print(given: Answer, values: Record<string, string | boolean | undefined>): void {
  if (values.json === true) process.stdout.write(`${JSON.stringify(given, null, 2)}\n`);
  else if (values.explain === true) process.stdout.write(dressed(explanation(given), process.stdout));
  else process.stdout.write(dressed(report(given, formOf(process.stdout).columns), process.stdout));
}

/** The answer; constants that leave nothing to answer are the scenario's fault. */
function answered(scenario: Scenario, options: AnswerOptions): Answer {
  try {
    return answer(scenario, options);
  } catch (error) {
    if (!(error instanceof RangeError) || Object.keys(scenario.constants).length === 0) throw error;
    throw new UsageError(`constants: with these values ${error.message}`);
  }
}

type Options = Record<string, { type: 'string' | 'boolean'; short?: string }>;

function optionTable(): Options {
  const options: Options = {
    scenario: { type: 'string' },
    here: { type: 'boolean' },
    json: { type: 'boolean' },
    explain: { type: 'boolean' },
    schema: { type: 'boolean' },
    open: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  };
  for (const name of fieldNames) options[name] = { type: 'string' };
  return options;
}

/** The command. Returns the exit status: 0 done, 2 when the scenario is wrong. @throws UsageError for wrong options. */
export async function run(args: string[]): Promise<number> {
  const values: Record<string, string | boolean | undefined> = parseFlags('plan', args, optionTable()).values;
  if (values.help) {
    process.stdout.write(help());
    return 0;
  }
  if (values.schema) {
    process.stdout.write(`${JSON.stringify(scenarioSchema(), null, 2)}\n`);
    return 0;
  }
  try {
    const { scenario, compared } = await scenarioFrom(values);
    if (values.open) return await openPage(scenario);
    const here = hostFor(scenario);
    print(answered(scenario, { ...(compared ? { ways: compared } : {}), ...(here ? { here } : {}) }), values);
    return 0;
  } catch (error) {
    if (!(error instanceof PlanError)) throw error;
    console.error(error.message);
    return 2;
  }
}
