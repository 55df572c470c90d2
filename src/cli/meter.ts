// `clearway meter`: opens a meter, gives its readings to sinks (terminal, recording, dashboard ...) until something ends it
// (ending.ts), and then a report. Not here: counting (meter/), what becomes of a reading (meter-sinks.ts).

import { meterFamilies } from '../meter/export/families.js';
import { prometheusText } from '../meter/export/prometheus.js';
import { judge } from '../meter/fail-if.js';
import { createMeter, type Meter, refusalSentence, ScopeError } from '../meter/index.js';
import { MetricsEndpoint } from '../serve/metrics-endpoint.js';
import { untilTheEnd } from './kit/ending.js';
import { dressed } from './kit/terminal.js';
import { UsageError } from './kit/usage.js';
import { openDashboardSink } from './meter-open.js';
import { type MeterCommand, meterHelp, parseMeterArguments } from './meter-options.js';
import { replay } from './meter-replay.js';
import { OtlpSink, OutputSink, processesInMetrics, RecordingSink, type Sink, type Taken } from './meter-sinks.js';

/**
 * Runs the command. @returns the exit status: 0 or the metered command's; 1 where a --fail-if holds; 3 where the host
 * refuses, after one sentence on stderr. @throws UsageError
 */
export async function run(args: string[]): Promise<number> {
  const command = parseMeterArguments(args);
  if (command.help) {
    process.stdout.write(dressed(meterHelp, process.stdout));
    return 0;
  }
  if (command.replay !== undefined) return replay(command, command.replay);
  let meter: Meter;
  try {
    meter = createMeter({ scope: command.scope, sockets: accountsSockets(command), stacks: command.stacks });
  } catch (error) {
    if (error instanceof ScopeError) throw new UsageError(error.message);
    process.stderr.write(`clearway meter: ${refusalSentence(error)}\n`);
    return 3;
  }
  try {
    return await new MeterRun(command, meter).run();
  } finally {
    meter.close();
  }
}

/** One metering, from the first frame to the report. */
class MeterRun {
  private readonly subject: string;
  private readonly sinks: Sink[] = [];
  private readonly closers: (() => Promise<void>)[] = [];
  private needsTicks = false;

  constructor(
    private readonly command: MeterCommand,
    private readonly meter: Meter,
  ) {
    this.subject = subjectOf(command);
  }

  async run(): Promise<number> {
    try {
      await this.openSinks();
      const childStatus = await this.untilTheEnd();
      const last = this.take();
      this.meter.close();
      for (const sink of this.sinks) await sink.end(last);
      const failures = this.command.failIf
        .map((condition) => judge(condition, last.reading))
        .filter((why) => why !== undefined);
      for (const why of failures) process.stderr.write(`clearway meter: ${why}\n`);
      if (childStatus !== 0) return childStatus;
      return failures.length > 0 ? 1 : 0;
    } finally {
      for (const close of this.closers) await close();
    }
  }

  private async openSinks(): Promise<void> {
    const { command, subject, meter } = this;
    const output = new OutputSink(command, subject);
    this.sinks.push(output);
    if (command.record !== undefined) this.sinks.push(new RecordingSink(command.record, subject));
    if (command.otlp !== undefined) this.sinks.push(new OtlpSink(command.otlp, subject, command.intervalMs ?? 10_000));
    if (command.open !== undefined) {
      const dashboard = await openDashboardSink(command.open, subject, command.scope);
      this.sinks.push(dashboard);
      this.closers.push(() => dashboard.close());
    }
    if (command.prometheus !== undefined) {
      const text = () => prometheusText(meterFamilies(meter.read(), { processes: processesInMetrics }));
      const endpoint = await MetricsEndpoint.open(command.prometheus, text);
      this.closers.push(() => endpoint.close());
      process.stderr.write(`clearway meter: the metrics are at\n${endpoint.urls.join('\n')}\n`);
    }
    this.needsTicks = output.live || command.intervalMs !== undefined || this.sinks.length > 1;
  }

  /** @returns the exit status of the program that was run, 0 without one. */
  private untilTheEnd(): Promise<number> {
    const { durationMs, intervalMs, scope, command } = this.command;
    return untilTheEnd({
      name: 'clearway meter',
      durationMs,
      command,
      processId: scope.kind === 'process' ? scope.processId : undefined,
      // The program is counted because this process, its parent, is a member while it is forked.
      started: () => this.meter.exclude(process.pid),
      tick: this.needsTicks ? { intervalMs: intervalMs ?? 1000, run: () => this.tick() } : undefined,
    });
  }

  private take(): Taken {
    const sockets = accountsSockets(this.command) ? this.meter.sockets() : undefined;
    const stacks = this.command.stacks ? { stacks: this.meter.stacks(), notes: this.meter.stackNotes() } : undefined;
    return { timeMs: Date.now(), reading: this.meter.read(), sockets, stacks };
  }

  private tick(): void {
    const taken = this.take();
    for (const sink of this.sinks) sink.take(taken);
  }
}

/** The dashboard shows sockets, so it needs them accounted. */
function accountsSockets(command: MeterCommand): boolean {
  return command.sockets || command.open !== undefined;
}

function subjectOf({ scope, command }: MeterCommand): string {
  if (command !== undefined) return command.join(' ');
  if (scope.kind === 'all') return 'all processes';
  if (scope.kind === 'cgroup') return `cgroup ${scope.path}`;
  return `process ${scope.processId} and its descendants`;
}
