// `clearway <command> [arguments]`: finds the command, loads its module and runs it. A command is a file of cli/
// that exports `run(args): Promise<number>` (the exit status) and `summary` (a line for --help). It is loaded only when
// it runs, so that `clearway doctor` never pays for the server. Not here: options of commands.

import { existsSync, readFileSync } from 'node:fs';
import { shortageSentence } from './shortage.js';
import { dressed } from './terminal.js';
import { nearest, UsageError } from './usage.js';

/** What a command's module exports. */
export interface Command {
  readonly summary: string;
  run(args: string[]): Promise<number>;
}

/** Where a command is loaded from, and where words go; the tests give their own. */
export interface Surroundings {
  /** Names of the commands that exist, in the order of --help. */
  readonly commands: readonly string[];
  load(name: string): Promise<Command>;
  out(text: string): void;
  error(text: string): void;
}

/** Every command the project has a name for, in the order in which a newcomer needs them. */
const knownCommands = ['serve', 'doctor', 'calibrate', 'plan', 'meter', 'journey', 'why', 'lab'];

const moduleOf = (name: string) => new URL(`../${name}.js`, import.meta.url);

const realSurroundings = (): Surroundings => ({
  commands: knownCommands.filter((name) => existsSync(moduleOf(name))),
  load: (name) => import(moduleOf(name).href) as Promise<Command>,
  out: (text) => process.stdout.write(dressed(text, process.stdout)),
  error: (text) => process.stderr.write(text),
});

/**
 * Runs a command line, given without `node` and the script.
 * @returns the exit status: the command's own, 2 for a wrong use, 1 for a failure. Never throws.
 */
export async function dispatch(args: readonly string[], given?: Surroundings): Promise<number> {
  const surroundings = given ?? realSurroundings();
  const [first, ...rest] = args;
  try {
    if (first === undefined || first === '--help' || first === '-h') return await printHelp(surroundings);
    if (first === '--version' || first === '-v') return printVersion(surroundings);
    if (first === 'help') {
      return rest[0] === undefined
        ? await printHelp(surroundings)
        : await runCommand(rest[0], ['--help'], surroundings);
    }
    return await runCommand(first, rest, surroundings);
  } catch (error) {
    return explain(error, first, surroundings);
  }
}

/** The version in the package's package.json. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

async function runCommand(name: string, args: string[], surroundings: Surroundings): Promise<number> {
  if (!surroundings.commands.includes(name)) {
    const kind = name.startsWith('-') ? 'option' : 'command';
    const words = kind === 'option' ? ['--help', '--version'] : [...surroundings.commands, 'help'];
    const guess = nearest(name, words);
    const mend = guess === undefined ? 'see clearway --help' : `did you mean clearway ${guess}?`;
    throw new UsageError(`there is no ${kind} ${JSON.stringify(name)}: ${mend}`);
  }
  return (await surroundings.load(name)).run(args);
}

async function printHelp(surroundings: Surroundings): Promise<number> {
  const width = Math.max(...surroundings.commands.map((name) => name.length)) + 3;
  const lines = await Promise.all(
    surroundings.commands.map(async (name) => `  ${name.padEnd(width)}${(await surroundings.load(name)).summary}`),
  );
  surroundings.out(
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
  surroundings.out(`${packageVersion()}\n`);
  return 0;
}

/** One plain sentence for an error with a code of ours; the whole stack for one that nobody foresaw. */
function explain(error: unknown, command: string | undefined, surroundings: Surroundings): number {
  const code = (error as { code?: unknown } | undefined)?.code;
  const usage = code === 'CLEARWAY_USAGE' || (typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS'));
  const known = command !== undefined && surroundings.commands.includes(command);
  const prefix = known ? `clearway ${command}` : 'clearway';
  const message = error instanceof Error ? error.message : String(error);
  const shortage = shortageSentence(error);
  if (shortage !== undefined || usage || typeof code === 'string') {
    surroundings.error(`${prefix}: ${shortage ?? message.split('\n')[0]}\n`);
  } else {
    surroundings.error(`${prefix}: ${error instanceof Error ? (error.stack ?? message) : message}\n`);
  }
  return usage ? 2 : 1;
}
