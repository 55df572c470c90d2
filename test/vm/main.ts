// `npm run test:vm [-- SERIES...]`: runs the guest tests (compiled test/vm/*.guest.js) on Debian's kernels 6.1, 6.12 and
// the newest one that there is, one after the other, and prints what each said. Needs no rights; takes minutes.

import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { guestsImpossible, runInGuest } from './guest.js';
import { fetchKernel } from './kernels.js';

const here = fileURLToPath(new URL('.', import.meta.url));

/** What the tests need beside the root's modules: the kernel's own way of loading them does not work in a guest. */
export const guestModules: readonly string[] = [
  ...['veth', 'sch_ingress', 'cls_bpf', 'nf_tables', 'nft_compat', 'xt_TCPMSS', 'xt_tcpudp', 'iptable_mangle'],
  ...['tls', 'gcm', 'ghash_generic', 'ctr', 'aesni_intel', 'loop', 'ext4', 'crc32c_generic'],
];

async function runSeries(series: string): Promise<boolean> {
  const kernel = fetchKernel(series);
  process.stdout.write(`\n== ${kernel.version}\n`);
  const started = Date.now();
  const tests = readdirSync(here).filter((name) => name.endsWith('.guest.js'));
  const command = `cd '${process.cwd()}' && HOME=/tmp exec '${process.execPath}' --test --test-concurrency=1 ${tests
    .map((name) => `'${here}${name}'`)
    .join(' ')}`;
  const result = await runInGuest(kernel, command, {
    limitSeconds: 900,
    modules: guestModules,
  });
  process.stdout.write(result.output);
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  if (result.status === undefined) process.stdout.write(`the guest did not finish:\n${result.console}\n`);
  process.stdout.write(`== ${kernel.version}: ${result.status === 0 ? 'passed' : 'FAILED'} in ${seconds} s\n`);
  return result.status === 0;
}

const reason = guestsImpossible();
if (reason !== undefined) {
  process.stdout.write(`skipped: ${reason}\n`);
} else {
  const asked = process.argv.slice(2);
  let passed = true;
  for (const series of asked.length > 0 ? asked : ['6.1', '6.12', 'newest'])
    passed = (await runSeries(series)) && passed;
  process.exitCode = passed ? 0 : 1;
}
