// The instructions of every program of the measured journey, as committed: on recorded types of one kernel.
// Record anew with UPDATE_SNAPSHOTS=1 on a kernel with BTF, and read the difference.

import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { matchSnapshot } from '../../../test/snapshot.js';
import type { TypeSource } from '../../bpf/assembler.js';
import { Btf } from '../../bpf/btf.js';
import { recordTypes, replayTypes, type TypeRecord } from '../../bpf/type-record.js';
import { parseConnectionFilter } from '../connection-filter.js';
import { journeyPrograms } from '../tracer.js';
import { functionPrograms } from './function-programs.js';
import { sendPrograms } from './send-programs.js';

const folder = 'src/journey/programs/snapshots';
const recordFile = fileURLToPath(new URL(`../../../../${folder}/types.snap.json`, import.meta.url));
const plain = { sample: 1, headers: false };
const chosen = { sample: 100, headers: true, filter: parseConnectionFilter('[::1]:80') };

function types(): TypeSource {
  if (process.env['UPDATE_SNAPSHOTS'] !== '1') {
    return replayTypes(JSON.parse(readFileSync(recordFile, 'utf8')) as TypeRecord);
  }
  const record: TypeRecord = {};
  journeyPrograms(recordTypes(Btf.kernel(), record), plain, 'tracepoint');
  functionPrograms(recordTypes(Btf.kernel(), record));
  writeFileSync(recordFile, `${JSON.stringify(record, null, 1)}\n`);
  return replayTypes(record);
}

const skip = process.arch !== 'x64' && 'system-call numbers in the snapshots are those of x64';

test('the programs of the measured journey are those committed', { skip }, async (context) => {
  const source = types();
  const programs = [
    ...journeyPrograms(source, plain, 'tracepoint').filter(({ name }) => name.startsWith('journey_')),
    ...functionPrograms(source),
  ];
  const within = journeyPrograms(source, { ...plain, members: true }, 'tracepoint');
  for (const { name, code } of within.filter(({ name }) => /_(queued|receive|received|tcp)$/.test(name))) {
    await context.test(`${name} of some`, () => matchSnapshot(`${folder}/${name}_of_some.snap`, code.listing()));
  }
  const queued = sendPrograms(source, chosen, 'function').filter(({ name }) => name === 'journey_queued');
  for (const { name, code } of programs) {
    await context.test(name, () => matchSnapshot(`${folder}/${name}.snap`, code.listing()));
  }
  for (const { code } of queued) {
    await context.test('journey_queued chosen', () =>
      matchSnapshot(`${folder}/journey_queued_chosen.snap`, code.listing()),
    );
  }
});
