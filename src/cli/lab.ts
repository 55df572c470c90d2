// `clearway lab`: runs experiments on copies in network namespaces of its own and prints predicted and measured bytes.
// Not here: the experiments (lab/).

import {
  closingLines,
  type Experiment,
  jsonExperiment,
  judge,
  Lab,
  LabError,
  type LabPlan,
  removeStale,
  type SenderName,
  senders,
  tableHead,
  tableLines,
  treatments,
} from '../lab/index.js';
import { refusalSentence } from '../meter/index.js';
import { parseWholeSize } from '../text/units.js';
import { cleanly } from './kit/cleanly.js';
import { parseFlags } from './kit/flags.js';
import { dressed } from './kit/terminal.js';
import { nearest, UsageError } from './kit/usage.js';

const help = `Usage: clearway lab [--list] [--json] [--bytes SIZE] [EXPERIMENT...]

Sends a payload over a veth pair between two network namespaces of its own, in several send modes, with a treatment on the path
(a firewall rule, a capture, an XDP program), and prints what the model predicted and what the copy meter measured.
Requires root and iproute2.

  EXPERIMENT    a treatment of the path (tc-pull), a group of treatments (firewall), a send mode (zerocopy), or one send
                mode through a treatment or group (firewall/sendfile); default: everything
  --list        list the experiments
  --bytes SIZE  payload of each experiment (16MiB)
  --json        print the run as one JSON object
  -h, --help    print this help

Exit status: 0; 1 if a measurement was not as predicted; 2 for wrong use; 3 if the host refuses.
`;

const senderNames = Object.keys(senders) as SenderName[];
/** Runs the command. @returns the exit status. @throws UsageError */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parse(args);
  if (values.help === true) return print(dressed(help, process.stdout));
  if (values.list === true) return print(dressed(list(), process.stdout));
  const plans = plansOf(positionals, parseBytes(values.bytes ?? '16MiB'));
  removeStale();
  let lab: Lab;
  try {
    lab = new Lab();
  } catch (error) {
    process.stderr.write(`clearway lab: ${refusalSentence(error)}\n`);
    return 3;
  }
  return await cleanly(
    () => lab.close(),
    () => runPlans(lab, plans, values.json === true),
  );
}

function parse(args: string[]) {
  const options = {
    list: { type: 'boolean' },
    json: { type: 'boolean' },
    bytes: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  } as const;
  return parseFlags('lab', args, options, Number.POSITIVE_INFINITY);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function list(): string {
  const lines = treatments.map(({ name, words, group }) => `  ${name.padEnd(20)}${words}${group ? ` [${group}]` : ''}`);
  return `Treatments of the path:\n${lines.join('\n')}\n\nSend modes: ${senderNames.join(', ')}\n`;
}

function parseBytes(text: string): number {
  const bytes = parseWholeSize(text);
  if (bytes >= 4096 && bytes <= 4 * 1024 ** 3) return bytes;
  throw new UsageError(`--bytes takes a size from 4KiB to 4GiB, such as 16MiB, not ${JSON.stringify(text)}`);
}

/** What was asked for, as plans; a name is a treatment, a group, a sender, or TREATMENT/SENDER. @throws UsageError */
function plansOf(names: readonly string[], bytes: number): LabPlan[] {
  if (names.length === 0) return [{ treatments, senders: senderNames, bytes }];
  return names.map((name) => {
    // A name of one part or two, none of them empty: all is what is run without a name.
    if (!/^[^/]+(?:\/[^/]+)?$/.test(name)) throw unknown(name, []);
    const [path = '', way] = senderNames.includes(name as SenderName) ? [undefined, name] : name.split('/');
    const chosen = treatments.filter((each) => path === '' || each.name === path || each.group === path);
    const words = [...treatments.flatMap((each) => [each.name, each.group ?? each.name]), ...senderNames];
    if (chosen.length === 0) throw unknown(path, words);
    if (way !== undefined && !senderNames.includes(way as SenderName)) throw unknown(way, senderNames);
    return { treatments: chosen, senders: way === undefined ? senderNames : [way as SenderName], bytes };
  });
}

function unknown(name: string, words: readonly string[]): UsageError {
  const guess = nearest(name, [...new Set(words)]);
  const fix = guess === undefined ? 'clearway lab --list names them' : `did you mean ${guess}?`;
  return new UsageError(`there is no experiment ${JSON.stringify(name)}: ${fix}`);
}

async function runPlans(lab: Lab, plans: readonly LabPlan[], json: boolean): Promise<number> {
  const done: Experiment[] = [];
  if (!json) process.stdout.write(tableHead(lab.meter.tier));
  for (const plan of plans) {
    const progress = (experiment: Experiment) => !json && process.stdout.write(tableLines(experiment));
    done.push(...(await lab.run({ ...plan, progress })));
  }
  if (json) {
    const { tier, selfTest } = lab.meter;
    const report = { lab: 'clearway', tier, untested: selfTest.untried, experiments: done.map(jsonExperiment) };
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  } else process.stdout.write(dressed(closingLines(done), process.stdout));
  const verdicts = done.map(judge);
  const why = done.find((experiment) => experiment.skipped !== undefined)?.skipped;
  if (verdicts.every((verdict) => verdict === undefined)) {
    process.stderr.write(`clearway lab: nothing could be run: ${new LabError(why).message.split('\n')[0]}\n`);
    return 3;
  }
  return verdicts.some((verdict) => verdict?.agrees === false) ? 1 : 0;
}
