// The instructions of the function tier's programs on three kernels, from recorded types: every program by its length and a
// digest, some whole. Types anew: `node dist/test/vm/record-types.js`; programs anew: UPDATE_SNAPSHOTS=1.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { matchSnapshot } from '../../../test/snapshot.js';
import { replayTierTypes, type TierTypeRecord } from '../../../test/support/function-types.js';
import type { SetMember } from '../../bpf/program-set.js';
import { functionPrograms } from './tier.js';

const skip = process.arch !== 'x64' && 'the types recorded are those of x64';

/** Series of the kernels in test/vm; the record of a newer newest one takes its place. */
const series = ['6.1', '6.12', 'newest'];

/** Programs committed whole, of one kernel: one for each way of reading arguments, results, buffers and contexts. */
const whole: Readonly<Record<string, readonly string[]>> = {
  '6.12': ['fn_in_revert', 'fn_copy_bits', 'fn_segment', 'fn_in_pull', 'fn_in_udp_recvmsg'],
};

function recorded(name: string): TierTypeRecord {
  const file = new URL(`../../../../src/meter/functions/snapshots/function-types-${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(fileURLToPath(file), 'utf8')) as TierTypeRecord;
}

/** `fexit skb_copy_bits fn_copy_bits: 312 instructions 0123456789abcdef (meter_accounts, ...)`. */
function line({ type, target, module, name, optional, code }: SetMember): string {
  const digest = createHash('sha256').update(code.bytes()).digest('hex').slice(0, 16);
  const maps = [...new Set(code.maps.map(({ map }) => map))].sort().join(' ');
  const where = module === undefined ? target : `${target} [${module}]`;
  const need = optional === true ? 'optional' : 'needed';
  return `${type} ${where} ${name}, ${need}: ${code.instructions.length} instructions ${digest} (${maps})`;
}

for (const name of series) {
  test(`the programs of the function tier on ${name} are those committed`, { skip }, async (context) => {
    const record = recorded(name);
    const types = replayTierTypes(record);
    const programs = functionPrograms(types);
    const plain = programs.map(line);
    const more = functionPrograms(types, true)
      .map(line)
      .filter((each) => !plain.includes(each));
    const text = [`kernel ${record.kernel}`, ...plain, 'with accounts by socket', ...more, ''].join('\n');
    matchSnapshot(`src/meter/functions/snapshots/function-programs-${name}.snap`, text);
    for (const each of whole[name] ?? []) {
      const { code } = programs.find((program) => program.name === each)!;
      await context.test(each, () => matchSnapshot(`src/meter/functions/snapshots/${each}.snap`, code.listing()));
    }
  });
}
