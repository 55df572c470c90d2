// `npm run bench`: side-by-side measurements of Clearway and its peers. It installs nothing; what is absent is skipped and said.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describeHost, hostFacts } from './host/about.js';
import { wrkAbsence } from './load/wrk.js';
import { type Options, parseOptions, usage } from './options.js';
import { renderResult } from './report.js';
import { runTable } from './table.js';

interface Outcome {
  readonly json: unknown;
  readonly text: string;
}

async function perform(options: Options): Promise<Outcome> {
  const missing = wrkAbsence();
  if (missing) throw new Error(missing);
  const result = await runTable(options);
  return { json: { table: result }, text: renderResult(result) };
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

async function main(words: readonly string[]): Promise<void> {
  const options = parseOptions(words);
  if (options === 'help') {
    process.stdout.write(usage);
    return;
  }
  const host = hostFacts();
  const { json, text } = await perform(options);
  console.log(`${text}\n${describeHost(host)}`);
  if (options.jsonFile) write(options.jsonFile, `${JSON.stringify({ host, ...(json as object) }, undefined, 1)}\n`);
  if (options.markdownFile) write(options.markdownFile, `${text}\n\n${describeHost(host)}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 1;
}
