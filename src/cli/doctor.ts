// `clearway doctor [--json]`: what this host can do, what each missing thing costs, and the command that would give it.
// It asks by trying, never throws, and works for any user, inside any filter, and away from Linux.
// Not here: the probes (kernel/probe-*.ts, bpf/probe.ts, audio/realtime-check.ts) and the table's form (doctor-table.ts).

import { audioProbes } from '../audio/realtime-check.js';
import { bpfProbes } from '../bpf/probe.js';
import { interfaceFindings } from '../bypass/interface-findings.js';
import { type Finding, type Probe, runProbe } from '../kernel/probe.js';
import { bypassProbes } from '../kernel/probe-bypass.js';
import { fileProbes } from '../kernel/probe-files.js';
import { hostProbes } from '../kernel/probe-host.js';
import { memoryProbes } from '../kernel/probe-memory.js';
import { socketProbes } from '../kernel/probe-sockets.js';
import { uringProbes } from '../kernel/probe-uring.js';
import { renderFindings } from './doctor-table.js';
import { parseFlags } from './kit/flags.js';
import { dressed, formOf } from './kit/terminal.js';
import { packageVersion } from './kit/version.js';

const help = `Usage: clearway doctor [--json]

Tries every feature of the kernel that Clearway uses, and says whether it works, what it is for, what is lost without it,
and how to get it; and of each network interface what it can do for --bypass. It changes nothing on the host and sends nothing. Any user may run it; root sees more.

  --json      print the report as one JSON object
  -h, --help  print this help

Exit status: 0, whatever is found.
`;

/** Every probe, in the order of the report. */
export const allProbes: readonly Probe[] = [
  ...hostProbes,
  ...uringProbes,
  ...fileProbes,
  ...socketProbes,
  ...memoryProbes,
  ...bpfProbes,
  ...bypassProbes,
  ...audioProbes,
];

/** The report of `--json`. `schema` rises when a field changes its meaning or goes; new ones may come without that. */
export interface DoctorReport {
  readonly schema: 1;
  readonly clearway: string;
  /** What `--engine auto` takes here; null where there is no engine. */
  readonly engine: 'uring' | 'epoll' | null;
  readonly findings: readonly Finding[];
  /** What each network interface can do for `--bypass`: findings of the same form, loopback left out. */
  readonly interfaces: readonly Finding[];
}

/** Runs every probe. */
function diagnose(): DoctorReport {
  const findings = allProbes.map((probe) => runProbe(probe));
  return {
    schema: 1,
    clearway: packageVersion(),
    engine: chooseEngine(findings),
    findings,
    interfaces: interfaceFindings(),
  };
}

/** The choice of transport/open-engine.ts, told from the findings: io_uring where it has all that the engine builds on. */
function chooseEngine(findings: readonly Finding[]): DoctorReport['engine'] {
  const state = (id: string) => findings.find((finding) => finding.id === id)?.state;
  if (state('ffi') !== 'yes') return null;
  return state('io_uring') === 'yes' ? 'uring' : 'epoll';
}

/**
 * The command. @returns 0.
 * @throws UsageError for an unknown option, which the dispatcher turns into status 2.
 */
export async function run(args: string[]): Promise<number> {
  const options = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
  const { values } = parseFlags('doctor', args, options);
  if (values.help === true) {
    process.stdout.write(dressed(help, process.stdout));
    return 0;
  }
  const report = diagnose();
  if (values.json === true) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else
    process.stdout.write(
      renderFindings([...report.findings, ...report.interfaces], report.engine, formOf(process.stdout)),
    );
  return 0;
}
