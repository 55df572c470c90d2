// The command line of `npm run bench`.

import { parseArgs } from 'node:util';
import { rows as allRows, parseRows, type Row } from './rows.js';

/** The sub-commands. */
export const commands = ['all', 'table', 'start', 'idle', 'stalled', 'cold', 'churn'] as const;

/** One sub-command. */
export type Command = (typeof commands)[number];

/** What the command line asked for. */
export interface Options {
  readonly command: Command;
  readonly quick: boolean;
  readonly rounds: number;
  readonly seconds: number;
  readonly rows: readonly Row[];
  /** System calls are counted too, after the rounds. */
  readonly systemCalls: boolean;
  readonly peers: readonly string[] | undefined;
  readonly jsonFile: string | undefined;
  readonly markdownFile: string | undefined;
  /** The README's short table is written too. */
  readonly readme: boolean;
  readonly workDirectory: string | undefined;
  /** How `cold` asks for the small file: at a steady rate, or as fast as it is answered. */
  readonly hot: 'paced' | 'closed';
  /** Niceness of servers and loads. */
  readonly niceness: number;
  /** Scales idle, stalled and churn; 1 is the number the targets name. */
  readonly scale: number;
}

const rowNames = allRows.map(({ name, title }) => `  ${name.padEnd(17)} ${title}`).join('\n');

/** What --help prints. */
export const usage = `npm run bench -- [COMMAND] [OPTIONS]

Commands:
  all       everything below, and every bound of the project judged: the missed ones first (the default)
  table     the rows alone: CPU a request of every server (the default with --only)
  start     from the start of a process to its first answer, and its memory then
  idle      memory of 10,000 idle keep-alive connections
  stalled   descriptors and memory of 1,000 stalled readers of one 1 GiB file
  cold      p99 of small hot requests, alone and while 8 clients read cold gigabytes
  churn     descriptors and frames after 10,000 aborted requests, 304s and HEADs

Rows:
${rowNames}

Options:
  --quick            2 rounds of 1 s, after a tenth of the warming
  --rounds N         rounds, interleaved over the servers (5; quick 2)
  --seconds N        seconds of each measurement, whole (3; quick 1)
  --only LIST        these rows alone, ROW or ROW:CONNECTIONS, for example 404,1KiB:512
  --system-calls     also counts system calls a request with strace, after the rounds
  --peers LIST       names of peers, for example clearway-uring,nginx
  --json FILE        writes everything measured as JSON
  --markdown [FILE]  writes the tables as Markdown (docs/bench.md; without FILE, all also writes README's short table)
  --work-dir DIR     where the served files go (the system's temporary directory); cold needs a disk
  --hot paced|closed cold's small requests: about 3,000/s from 16 connections, or from 64 as fast as answered (paced)
  --nice N           niceness of servers and loads; below 0 (root) keeps a busy machine out of the numbers (0)
  --scale X          idle, stalled, churn with X times the connections (1)
`;

function wholeNumber(text: string | undefined, name: string, otherwise: number, largest: number): number {
  return text === undefined ? otherwise : wholeNumberOf(name, text, 1, largest);
}

/** A whole number within bounds. @throws in plain words */
export function wholeNumberOf(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`--${name} is a whole number from ${least} to ${most}, and this is ${text}`);
}

/** A number within bounds, a fraction too. @throws in plain words */
export function numberOf(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text !== '' && value >= least && value <= most) return value;
  throw new Error(`--${name} is a number from ${least} to ${most}, and this is ${text}`);
}

/** Where the tables belong in the repository. */
const defaultPage = 'docs/bench.md';

/** parseArgs needs help twice: `--markdown` may stand alone and then means the page that tables have, and `--nice -10` is no option -10. */
export function completeWords(words: readonly string[], page: string): string[] {
  const complete: string[] = [];
  for (const word of words) {
    const previous = complete.at(-1);
    if (previous === '--nice') complete[complete.length - 1] = `--nice=${word}`;
    else if (previous === '--markdown' && !word.startsWith('-')) complete[complete.length - 1] = `--markdown=${word}`;
    else complete.push(word);
  }
  return complete.map((word) => (word === '--markdown' ? `--markdown=${page}` : word));
}

/** Reads the words after the program's name. @returns 'help' for --help. @throws in plain words when they are wrong. */
export function parseOptions(words: readonly string[]): Options | 'help' {
  const { values, positionals } = parseArgs({
    args: completeWords(words, defaultPage),
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      only: { type: 'string' },
      'system-calls': { type: 'boolean', default: false },
      peers: { type: 'string' },
      json: { type: 'string' },
      markdown: { type: 'string' },
      'work-dir': { type: 'string' },
      hot: { type: 'string', default: 'paced' },
      nice: { type: 'string', default: '0' },
      scale: { type: 'string', default: '1' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const command = (positionals[0] ?? (values.only === undefined ? 'all' : 'table')) as Command;
  if (!commands.includes(command) || positionals.length > 1) {
    throw new Error(`${positionals.join(' ')} is not a command: there are ${commands.join(', ')}`);
  }
  const scale = Number(values.scale);
  if (!(scale >= 0.01 && scale <= 1))
    throw new Error(`--scale is a number from 0.01 to 1, and this is ${values.scale}`);
  const hot = values.hot;
  if (hot !== 'paced' && hot !== 'closed') throw new Error(`--hot is paced or closed, and this is ${hot}`);
  const niceness = wholeNumberOf('nice', values.nice, -20, 19);
  const quick = values.quick;
  return {
    command,
    quick,
    rounds: wholeNumber(values.rounds, 'rounds', quick ? 2 : 5, 100),
    seconds: wholeNumber(values.seconds, 'seconds', quick ? 1 : 3, 600),
    rows: values.only === undefined ? allRows : parseRows(values.only),
    systemCalls: values['system-calls'],
    peers: values.peers?.split(',').map((name) => name.trim()),
    jsonFile: values.json,
    markdownFile: values.markdown,
    readme: values.markdown === defaultPage,
    workDirectory: values['work-dir'],
    hot,
    niceness,
    scale,
  };
}
