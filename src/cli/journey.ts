// `clearway journey`: opens a tracer, waits for whatever ends it (ending.ts), and reports.
// Not here: measuring (journey/), the command line (journey-options.ts).

import { closeSync, openSync, writeFileSync } from 'node:fs';
import { pcapngBlocks } from '../journey/export/pcapng.js';
import { traceOf } from '../journey/export/trace-export.js';
import { jsonReport, textReport } from '../journey/report.js';
import { type JourneyTracer, traceJourneys } from '../journey/tracer.js';
import { refusalSentence, ScopeError } from '../meter/index.js';
import { fileTrouble } from '../text/file-trouble.js';
import { type JourneyCommand, journeyHelp, parseJourneyArguments } from './journey-options.js';
import { untilTheEnd } from './kit/ending.js';
import { dressed, formOf } from './kit/terminal.js';
import { UsageError } from './kit/usage.js';

/**
 * Runs the command. @returns the exit status: 0 or the followed command's; 3 where the host refuses, after one sentence on
 * stderr. @throws UsageError
 */
export async function run(args: string[]): Promise<number> {
  const command = parseJourneyArguments(args);
  if (command.help) {
    process.stdout.write(dressed(journeyHelp, process.stdout));
    return 0;
  }
  const files = openFiles(command);
  try {
    return await follow(command, files);
  } finally {
    for (const fd of Object.values(files)) if (fd !== undefined) closeSync(fd);
  }
}

type Files = Readonly<Record<'output' | 'trace' | 'pcapng', number | undefined>>;

/** Files are opened before anything is measured: a path that cannot be written is said at once. @throws UsageError */
function openFiles(command: JourneyCommand): Files {
  const open = (option: 'output' | 'trace' | 'pcapng') => {
    const path = command[option];
    if (path === undefined) return undefined;
    try {
      return openSync(path, 'w');
    } catch (error) {
      throw new UsageError(`--${option} cannot be written: ${fileTrouble(error)}`);
    }
  };
  return { output: open('output'), trace: open('trace'), pcapng: open('pcapng') };
}

async function follow(command: JourneyCommand, files: Files): Promise<number> {
  let tracer: JourneyTracer;
  try {
    tracer = open(command);
  } catch (error) {
    if (error instanceof ScopeError) throw new UsageError(error.message);
    process.stderr.write(`clearway journey: ${refusalSentence(error)}\n`);
    return 3;
  }
  try {
    if (command.command === undefined && process.stderr.isTTY) {
      process.stderr.write('clearway journey: following messages; Ctrl-C ends with the report\n');
    }
    const { durationMs, command: program, processId } = command;
    // The program is in scope because this process, its parent, is while it is forked.
    const started = () => tracer.exclude(process.pid);
    const status = await untilTheEnd({ name: 'clearway journey', durationMs, command: program, processId, started });
    tracer.close();
    return report(command, tracer, files) ? status : status || 1;
  } finally {
    tracer.close();
  }
}

function open(command: JourneyCommand): JourneyTracer {
  const { processId, connection, sample } = command;
  const followed = command.command === undefined ? processId : process.pid;
  return traceJourneys({
    scope: followed === undefined ? { kind: 'all' } : { kind: 'process', processId: followed },
    ...(connection === undefined ? {} : { connection }),
    sample,
    headers: command.pcapng !== undefined,
  });
}

/** Writes the report and the files. @returns whether all could be written; where one cannot, the others still are. */
function report(command: JourneyCommand, tracer: JourneyTracer, files: Files): boolean {
  const subject = subjectOf(command);
  const reading = tracer.read();
  const journeys = tracer.journeys();
  let whole = true;
  const write = (option: keyof Files, parts: () => Iterable<string | Uint8Array>) => {
    const fd = files[option];
    if (fd === undefined) return;
    try {
      for (const part of parts()) writeFileSync(fd, part);
    } catch (error) {
      whole = false;
      process.stderr.write(`clearway journey: --${option} cannot be written: ${fileTrouble(error)}\n`);
    }
  };
  const stream = command.command === undefined ? process.stdout : process.stderr;
  const columns = files.output === undefined ? formOf(stream).columns : undefined;
  const text = command.json
    ? `${JSON.stringify(jsonReport(reading, journeys, subject))}\n`
    : textReport(reading, journeys, subject, columns);
  write('output', () => [text]);
  write('trace', () => [`${JSON.stringify(traceOf(journeys, subject))}\n`]);
  write('pcapng', () => {
    const wallOffsetNs = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
    return pcapngBlocks(journeys, subject, wallOffsetNs);
  });
  if (files.output === undefined) stream.write(command.json ? text : dressed(text, stream));
  return whole;
}

function subjectOf({ command, processId, connection }: JourneyCommand): string {
  const who =
    command?.join(' ') ?? (processId === undefined ? 'all processes' : `process ${processId} and its descendants`);
  return connection === undefined ? who : `${who}, connections with ${connection}`;
}
