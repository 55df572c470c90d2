// `clearway <command> [arguments]`: finds the command, loads its module and runs it. Nothing of a command is loaded before
// it runs: names and summaries are data (cli/commands.ts). Not here: options of commands.

import { plainSentence } from './plain-sentence.js';
import { shortageSentence } from './shortage.js';
import { nearest, UsageError } from './usage.js';

/** What a command's module exports. */
export interface Command {
  /** Runs the command. @returns the exit status */
  run(args: string[]): Promise<number>;
}

/** A command before it is loaded. */
export interface CommandEntry {
  readonly name: string;
  /** Its line in --help. */
  readonly summary: string;
  load(): Promise<Command>;
}

/** The commands there are, and where words go; the tests give their own. */
export interface Surroundings {
  /** In the order of --help. */
  readonly commands: readonly CommandEntry[];
  /** The package's version. */
  version(): string;
  out(text: string): void;
  error(text: string): void;
}

/**
 * Runs a command line, given without `node` and the script.
 * @returns the exit status: the command's own, 2 for a wrong use, 1 for a failure. Never throws.
 */
export async function dispatch(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const [first, ...rest] = args;
  try {
    if (first === undefined || first === '--help' || first === '-h') return printHelp(surroundings);
    if (first === '--version' || first === '-v') return printVersion(surroundings);
    if (first === 'help') {
      return rest[0] === undefined ? printHelp(surroundings) : await runCommand(rest[0], ['--help'], surroundings);
    }
    return await runCommand(first, rest, surroundings);
  } catch (error) {
    return explain(error, first, surroundings);
  }
}

async function runCommand(name: string, args: string[], surroundings: Surroundings): Promise<number> {
  const entry = surroundings.commands.find((each) => each.name === name);
  if (entry === undefined) {
    const kind = name.startsWith('-') ? 'option' : 'command';
    const words =
      kind === 'option' ? ['--help', '--version'] : [...surroundings.commands.map((each) => each.name), 'help'];
    const guess = nearest(name, words);
    const fix = guess === undefined ? 'see clearway --help' : `did you mean clearway ${guess}?`;
    throw new UsageError(`there is no ${kind} ${JSON.stringify(name)}: ${fix}`);
  }
  return (await entry.load()).run(args);
}

function printHelp({ commands, out }: Surroundings): number {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 3;
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`);
  out(
    [
      'clearway: zero-copy I/O for Node.js on Linux',
      '',
      'Usage: clearway <command> [options]',
      '',
      ...lines,
      '',
      'clearway <command> --help explains a command; clearway --version prints the version.',
      '',
    ].join('\n'),
  );
  return 0;
}

function printVersion(surroundings: Surroundings): number {
  surroundings.out(`${surroundings.version()}\n`);
  return 0;
}

/** Node's own errors say more below their first line. What ours quote (the name of a file) may have any character in it. */
function oneLine(message: string, code: unknown): string {
  return typeof code === 'string' && /^(?:ERR_|MODULE_NOT_FOUND$)/.test(code) ? message.split('\n')[0]! : message;
}

/** One plain sentence for an error with a code of ours; the whole stack for one that nobody foresaw. */
function explain(error: unknown, command: string | undefined, surroundings: Surroundings): number {
  const code = (error as { code?: unknown } | undefined)?.code;
  const usage = code === 'CLEARWAY_USAGE' || (typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS'));
  const known = surroundings.commands.some(({ name }) => name === command);
  const prefix = known ? `clearway ${command}` : 'clearway';
  const message = error instanceof Error ? error.message : String(error);
  if (shortageSentence(error) !== undefined || usage || typeof code === 'string') {
    surroundings.error(`${prefix}: ${plainSentence(error, oneLine(message, code))}\n`);
  } else {
    surroundings.error(`${prefix}: ${error instanceof Error ? (error.stack ?? message) : message}\n`);
  }
  return usage ? 2 : 1;
}
