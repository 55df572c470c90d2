// The command line's options, parsed for every command alike: what Node's parser says to programmers is said here in a plain
// sentence, with the nearest option to a mistyped one. Not here: what values mean (each command checks its own).

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearest, UsageError } from './usage.js';

type ParseArgsOptionsConfig = NonNullable<ParseArgsConfig['options']>;

interface Form<Options extends ParseArgsOptionsConfig> {
  readonly args: string[];
  readonly options: Options;
  readonly strict: true;
  readonly allowPositionals: true;
  readonly tokens: true;
}

/** What was given: `values` by option, `positionals` in order, `tokens`: all of it in order. */
export type Flags<Options extends ParseArgsOptionsConfig> = ReturnType<typeof parseArgs<Form<Options>>>;

/** Options whose value may be nothing: no Cache-Control, no serial number, what `play` takes without a value. A path, a number and a name are something. */
const mayBeEmpty: ReadonlySet<string> = new Set(['cache-control', 'id', 'report', 'fail-on-xrun']);

/**
 * Parses the arguments of `clearway COMMAND`.
 * @param options as `util.parseArgs` takes them
 * @param positionals how many words beside the options are allowed (0)
 * @param instead what to do about one word too many
 * @throws UsageError that names the word, what is wrong with it, and what to write instead
 */
export function parseFlags<const Options extends ParseArgsOptionsConfig>(
  command: string,
  args: readonly string[],
  options: Options,
  positionals = 0,
  instead = `see clearway ${command} --help`,
): Flags<Options> {
  let flags: Flags<Options>;
  try {
    flags = parseArgs<Form<Options>>({ args: [...args], options, strict: true, allowPositionals: true, tokens: true });
  } catch (error) {
    throw new UsageError(plainSentence(command, error as Error & { code?: string }, options));
  }
  const empty = flags.tokens.find(
    (token) => token.kind === 'option' && token.value === '' && !mayBeEmpty.has(token.name),
  );
  if (empty?.kind === 'option') {
    throw new UsageError(`${empty.rawName} takes a value, and "" is none: see clearway ${command} --help`);
  }
  const extra = flags.positionals[positionals];
  if (extra !== undefined) {
    throw new UsageError(`${JSON.stringify(extra)} is not expected here: ${instead}`);
  }
  return flags;
}

/** `--port` of "Option '-p, --port <value>' argument missing", as Node's parser quotes it. */
function quotedOption(message: string): string {
  return /--[^\s'=]+|-[^\s',]/.exec(/'([^']*)'/.exec(message)?.[1]?.replace(/^-., /, '') ?? '')?.[0] ?? 'an option';
}

function plainSentence(command: string, error: Error & { code?: string }, options: ParseArgsOptionsConfig): string {
  const option = quotedOption(error.message);
  if (error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const guess = option.startsWith('--') ? nearest(option.slice(2), Object.keys(options)) : undefined;
    const fix = guess === undefined ? `see clearway ${command} --help` : `did you mean --${guess}?`;
    return `there is no option ${option}: ${fix}`;
  }
  if (error.message.includes('does not take an argument')) return `${option} takes no value`;
  if (error.message.includes('ambiguous')) {
    return `${option} takes a value, and what follows it looks like an option: a value that begins with - is written ${option}=-...`;
  }
  if (error.message.includes('argument missing')) return `${option} takes a value: see clearway ${command} --help`;
  return `${error.message.split('\n')[0]}; see clearway ${command} --help`;
}
