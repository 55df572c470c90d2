// Where `clearway meter` and its replay send readings: the terminal, a recording, a collector, the dashboard. Each is a
// sink that is given every reading and the last one; none of them knows where readings come from.

import { writeFileSync } from 'node:fs';
import { meterFamilies } from '../meter/export/families.js';
import { OtlpExporter } from '../meter/export/otlp.js';
import { RecordingWriter } from '../meter/export/recording.js';
import type { Blame } from '../meter/functions/stacks.js';
import type { Reading, SocketRow } from '../meter/index.js';
import { jsonReport, liveFrame, socketTable, textReport } from '../meter/report.js';
import { cgroupPaths } from '../meter/scope.js';
import { stackSection } from '../meter/stack-lines.js';
import { fileTrouble } from '../text/file-trouble.js';
import { dressed } from './kit/terminal.js';
import { UsageError } from './kit/usage.js';
import { packageVersion } from './kit/version.js';
import type { MeterCommand } from './meter-options.js';

/** A reading, when it was taken, and the sockets where they are accounted. */
export interface Taken {
  readonly timeMs: number;
  readonly reading: Reading;
  readonly sockets: readonly SocketRow[] | undefined;
  /** Kernel stacks, with what they do not show, where they are wanted. */
  readonly stacks?: { readonly stacks: readonly Blame[]; readonly notes: readonly string[] } | undefined;
}

/** Something that takes readings. */
export interface Sink {
  take(taken: Taken): void;
  /** The last reading; it was not given to `take`. */
  end(taken: Taken): void | Promise<void>;
}

/** Processes that are named one by one in metrics: label values are not free in a time-series data base. */
export const processesInMetrics = 20;

/** The live table, lines of JSON and the report at the end. */
export class OutputSink implements Sink {
  readonly live: boolean;
  private before: Reading | undefined;

  /** @throws UsageError where the file for the report cannot be written: said before anything is metered. */
  constructor(
    private readonly command: MeterCommand,
    private readonly subject: string,
  ) {
    if (command.output !== undefined) emptyFile(command.output);
    this.live = !command.json && command.command === undefined && process.stdout.isTTY === true;
  }

  /** Draws the live table, or writes a line of JSON. */
  take(taken: Taken): void {
    const { reading } = taken;
    if (this.live) {
      const height = process.stdout.rows ?? 24;
      process.stdout.write(`\x1b[H\x1b[J${liveFrame(reading, this.before, this.subject, height)}`);
    } else if (this.command.json && this.command.intervalMs !== undefined) this.write(taken, false);
    this.before = reading;
  }

  end(taken: Taken): void {
    this.write(taken, true);
  }

  private write({ reading, sockets, stacks }: Taken, last: boolean): void {
    const { json, output, command } = this.command;
    const text = json
      ? this.jsonText({
          ...jsonReport(reading, this.subject, cgroupPaths()),
          sockets,
          stacks: stacks?.stacks,
          final: last,
        })
      : `${textReport(reading, this.subject)}${sockets === undefined ? '' : `\n${socketTable(sockets)}`}${
          stacks === undefined ? '' : `\n${stackSection(stacks.stacks, stacks.notes)}`
        }`;
    const stream = command === undefined ? process.stdout : process.stderr;
    if (output !== undefined) writeFileSync(output, text, { flag: 'a' });
    else stream.write(`${this.live ? '\x1b[H\x1b[J' : ''}${json ? text : dressed(text, stream)}`);
  }

  private jsonText(report: object): string {
    const oneLine = this.command.intervalMs !== undefined;
    return `${oneLine ? JSON.stringify(report) : JSON.stringify(report, null, 2)}\n`;
  }
}

function emptyFile(path: string): void {
  try {
    writeFileSync(path, '');
  } catch (error) {
    throw new UsageError(`--output cannot be written: ${fileTrouble(error)}`);
  }
}

/** `clearway meter record FILE`. */
export class RecordingSink implements Sink {
  private readonly writer: RecordingWriter;

  /** @throws RecordingError where the file cannot be written. */
  constructor(path: string, subject: string) {
    this.writer = new RecordingWriter(path, subject, Date.now());
  }

  /** Adds a line to the file. @throws RecordingError where it cannot be written, on a full disk say. */
  take({ timeMs, reading, sockets }: Taken): void {
    this.writer.add(timeMs, reading, sockets);
  }

  end(taken: Taken): void {
    this.take(taken);
    this.writer.close();
  }
}

/** `--otlp URL`: an export every ten seconds, or at every reading where --interval says how often; and at the end. */
export class OtlpSink implements Sink {
  private readonly exporter: OtlpExporter;
  private lastMs = Number.NEGATIVE_INFINITY;

  constructor(
    url: URL,
    subject: string,
    private readonly everyMs: number,
  ) {
    const origin = { version: packageVersion(), subject, startMs: Date.now() };
    this.exporter = new OtlpExporter(url, origin, (why) => process.stderr.write(`clearway meter: ${why}\n`));
  }

  /** Starts an export where one is due. */
  take({ timeMs, reading }: Taken): void {
    if (timeMs - this.lastMs < this.everyMs) return;
    this.lastMs = timeMs;
    void this.exporter.export(meterFamilies(reading, { processes: processesInMetrics }));
  }

  end({ reading }: Taken): Promise<void> {
    return this.exporter.finish(meterFamilies(reading, { processes: processesInMetrics }));
  }
}
