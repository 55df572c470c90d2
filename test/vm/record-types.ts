// `node dist/test/vm/record-types.js [SERIES...]`: writes what the function tier asks of the guests' kernels into
// src/meter/functions/snapshots, for the snapshot test of its programs (src/meter/functions/programs.test.ts).

import { writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { functionPrograms, kernelTypes } from '../../src/meter/functions/tier.js';
import { formatTierTypes, recordTierTypes, type TierTypeRecord } from '../support/function-types.js';
import { runInGuest } from './guest.js';
import { guestsImpossible } from './initial-disk.js';
import { fetchKernel } from './kernels.js';
import { guestModules, guestSeries } from './modules.js';

const self = fileURLToPath(import.meta.url);
const folder = fileURLToPath(new URL('../../../src/meter/functions/snapshots/', import.meta.url));

/** Run in the guest: prints the record. */
function printRecord(): void {
  const record: TierTypeRecord = { kernel: release(), own: {}, modules: {} };
  const types = recordTierTypes(kernelTypes(), record);
  functionPrograms(types);
  functionPrograms(types, true);
  process.stdout.write(formatTierTypes(record));
}

async function recordAll(asked: readonly string[]): Promise<void> {
  const reason = guestsImpossible();
  if (reason !== undefined) throw new Error(reason);
  for (const series of asked.length > 0 ? asked : guestSeries) {
    const kernel = fetchKernel(series);
    const command = `cd '${process.cwd()}' && HOME=/tmp exec '${process.execPath}' '${self}' --print`;
    const { status, output, console } = await runInGuest(kernel, command, { limitSeconds: 180, modules: guestModules });
    if (status !== 0) throw new Error(`the guest of ${kernel.version} failed: ${output}\n${console}`);
    const file = `${folder}function-types-${series}.json`;
    writeFileSync(file, formatTierTypes(JSON.parse(output) as TierTypeRecord));
    process.stdout.write(`${kernel.version}: ${file}\n`);
  }
}

if (process.argv[2] === '--print') printRecord();
else await recordAll(process.argv.slice(2));
