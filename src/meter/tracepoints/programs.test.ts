// The instructions of every program, as committed: on recorded types of one kernel, so that any machine can compare.
// Record anew with UPDATE_SNAPSHOTS=1 on a kernel with BTF, and read the difference.

import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { matchSnapshot } from '../../../test/snapshot.js';
import type { TypeSource } from '../../bpf/assembler.js';
import { Btf } from '../../bpf/btf.js';
import { recordTypes, replayTypes, type TypeRecord } from '../../bpf/type-record.js';
import { socketListProgram, socketWalks } from '../accounts/socket-accounts.js';
import { listProgram } from '../accounts/task-accounts.js';
import { withoutWay } from '../support.test.js';
import { sendPrograms } from './send.js';
import { tracepointPrograms } from './tier.js';

const recordFile = fileURLToPath(
  new URL('../../../../src/meter/tracepoints/snapshots/types.snap.json', import.meta.url),
);

function types(): TypeSource {
  if (process.env['UPDATE_SNAPSHOTS'] !== '1') {
    return replayTypes(JSON.parse(readFileSync(recordFile, 'utf8')) as TypeRecord);
  }
  const record: TypeRecord = {};
  tracepointPrograms(recordTypes(Btf.kernel(), record));
  listProgram(recordTypes(Btf.kernel(), record));
  for (const over of socketWalks.flat()) socketListProgram(recordTypes(Btf.kernel(), record), over);
  sendPrograms(recordTypes(withoutWay(Btf.kernel()), record));
  record['tracepoint tcp_sendmsg_locked'] = Btf.kernel().tracepoint('tcp_sendmsg_locked');
  writeFileSync(recordFile, `${JSON.stringify(record, null, 1)}\n`);
  return replayTypes(record);
}

const skip = process.arch !== 'x64' && 'system-call numbers in the snapshots are those of x64';

test('the programs of the tracepoint tier are those committed', { skip }, async (context) => {
  const source = types();
  const lists = [listProgram(source), ...socketWalks.flat().map((over) => socketListProgram(source, over))];
  for (const { name, code } of [...tracepointPrograms(source), ...lists]) {
    await context.test(name, () => matchSnapshot(`src/meter/tracepoints/snapshots/${name}.snap`, code.listing()));
  }
  for (const { name, code } of tracepointPrograms(source, true).filter((each) => /send$|receive$/.test(each.name))) {
    await context.test(`${name} with sockets`, () =>
      matchSnapshot(`src/meter/tracepoints/snapshots/${name}_sockets.snap`, code.listing()),
    );
  }
  for (const { name, code } of sendPrograms(withoutWay(source))) {
    await context.test(`${name} on older kernels`, () =>
      matchSnapshot(`src/meter/tracepoints/snapshots/${name}_older.snap`, code.listing()),
    );
  }
});
