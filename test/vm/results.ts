// What a guest's tests said, from their TAP output: one result a test, for the progress shown and the table at the end.

/** One test, or one of its parts. */
export interface GuestTest {
  /** The names from the outermost test to this one. */
  readonly path: readonly string[];
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly reason: string;
  /** The bytes of error that it told (`error N`); undefined where it told none. */
  readonly errorBytes: number | undefined;
  readonly remarks: readonly string[];
}

const resultLine = /^( *)(not ok|ok) \d+ - (.*?)(?: # SKIP ?(.*))?$/;
const beginLine = /^( *)# Subtest: (.*)$/;
const remarkLine = /^( *)# (.*)$/;
const depthSpaces = 4;

/** Reads TAP as node:test writes it: a part's result comes before its remarks, and before its whole's result. */
export function readTap(text: string): GuestTest[] {
  const tests: (GuestTest & { remarks: string[]; errorBytes: number | undefined })[] = [];
  const open: string[] = [];
  for (const line of text.split('\n')) {
    const began = beginLine.exec(line);
    if (began !== null) {
      open.length = began[1]!.length / depthSpaces;
      open.push(began[2]!);
      continue;
    }
    const ended = resultLine.exec(line);
    if (ended !== null) {
      const outcome = ended[2] === 'not ok' ? 'failed' : ended[4] === undefined ? 'passed' : 'skipped';
      const path = [...open.slice(0, ended[1]!.length / depthSpaces), ended[3]!];
      tests.push({ path, outcome, reason: ended[4] ?? '', errorBytes: undefined, remarks: [] });
      continue;
    }
    const remark = remarkLine.exec(line)?.[2];
    const last = tests.at(-1);
    if (remark === undefined || last === undefined) continue;
    last.remarks.push(remark);
    const error = /^error (\d+)/.exec(remark)?.[1];
    if (error !== undefined) last.errorBytes = Number(error);
  }
  return tests;
}

/** What a cell of the table says. */
function cell(test: GuestTest | undefined): string {
  if (test === undefined) return '';
  if (test.outcome === 'skipped') return `not run: ${test.reason}`;
  if (test.outcome === 'failed') return '**failed**';
  return String(test.errorBytes ?? 0);
}

/**
 * The table of errors in bytes: a line for each workload, a column for each kernel. Tests that told no error (and were
 * not skipped as a part) are not workloads and stand in no line.
 */
export function errorTable(byKernel: ReadonlyMap<string, readonly GuestTest[]>): string {
  const kernels = [...byKernel.keys()];
  const lines: string[] = [];
  const names = new Map<string, true>();
  const isWorkload = ({ errorBytes, outcome, path }: GuestTest): boolean =>
    errorBytes !== undefined || (path.length > 1 && outcome !== 'passed');
  for (const tests of byKernel.values()) {
    for (const test of tests.filter(isWorkload)) names.set(test.path.join(' | '), true);
  }
  for (const name of names.keys()) {
    const cells = kernels.map((kernel) => cell(byKernel.get(kernel)!.find(({ path }) => path.join(' | ') === name)));
    const words = name.split(' | ');
    lines.push(`| ${words.length > 1 ? words.slice(1).join(', ') : words[0]} | ${cells.join(' | ')} |`);
  }
  return [`| bytes of error | ${kernels.join(' | ')} |`, `| --- |${' --- |'.repeat(kernels.length)}`, ...lines].join(
    '\n',
  );
}

/** True where no test told an error other than 0. */
export function isExact(tests: readonly GuestTest[]): boolean {
  return tests.every(({ errorBytes = 0 }) => errorBytes === 0);
}

/** A kernel in a line: how many tests, how many bytes of error, what failed and what was not run. */
export function summaryLine(tests: readonly GuestTest[], failedFiles: readonly string[]): string {
  const count = (outcome: GuestTest['outcome']): number => tests.filter((each) => each.outcome === outcome).length;
  const told = tests.filter(({ errorBytes }) => errorBytes !== undefined);
  const errorBytes = told.reduce((sum, { errorBytes }) => sum + errorBytes!, 0);
  const failed = failedFiles.length === 0 ? '' : ` (${failedFiles.join(', ')})`;
  return [
    `${count('passed')} passed`,
    `${count('failed')} failed${failed}`,
    `${count('skipped')} not run`,
    `${errorBytes} bytes of error in ${told.length} workloads`,
  ].join(', ');
}
