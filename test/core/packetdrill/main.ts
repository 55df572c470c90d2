// Runs scripts of packetdrill, or all in folders, and says how each went: node dist/test/core/packetdrill/main.js PATH...

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { runScript } from './run.js';

const paths = process.argv.slice(2).flatMap((path) =>
  statSync(path).isDirectory()
    ? readdirSync(path, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.pkt'))
        .sort()
        .map((name) => join(path, name))
    : [path],
);
const counts = { passed: 0, failed: 0, unsupported: 0 };
for (const path of paths) {
  const { outcome, reason, unchecked } = runScript(readFileSync(path, 'utf8'));
  counts[outcome]++;
  const passedOver = unchecked === 0 ? '' : ` (${unchecked} looks at the kernel's own figures passed over)`;
  console.log(`${outcome.padEnd(11)} ${path}${reason === '' ? '' : `: ${reason}`}${passedOver}`);
}
console.log(
  `${paths.length} scripts: ${counts.passed} passed, ${counts.failed} failed, ${counts.unsupported} need what is not here`,
);
process.exitCode = counts.failed === 0 ? 0 : 1;
