// `clearway calibrate`: measures this host in under a minute, says what it measures while it does, and stores a profile that plan (`--here`)
// and serve use. Not here: the measurements and what they mean for the model (calibrate/).

import { cpus, release } from 'node:os';
import { measureHost } from '../calibrate/calibrate.js';
import { check, checkTable, driftWords } from '../calibrate/check.js';
import { bypassTable, checkBypass } from '../calibrate/check-bypass.js';
import { checkGuests, guestTable } from '../calibrate/check-guest.js';
import { checkRequests, requestTable } from '../calibrate/check-requests.js';
import { fitProfile } from '../calibrate/fit.js';
import { prepareStore, storeHost } from '../calibrate/host-profile.js';
import { noise } from '../calibrate/noise.js';
import { type Constant, type ConstantId, constants as table } from '../plan/facts/constants.js';
import { coded } from '../text/coded.js';
import { fileTrouble } from '../text/file-trouble.js';
import { parseFlags } from './kit/flags.js';
import { dressed } from './kit/terminal.js';
import { UsageError } from './kit/usage.js';

const help = `Usage: clearway calibrate [--seconds N] [--check] [--json]

Measures what a system call, a copied byte (in the cache and not), a page by reference, a send, a sendfile, a datagram, a
wake-up, the notification of SEND_ZC, many pieces of a file and, as root, a packet of a virtual machine and a packet past
the kernel (AF_XDP on a veth pair in a namespace of its own) cost on this host, and what a request costs clearway serve.
Traffic stays on this host, so DMA, PCIe and the network are not measured. Takes under a minute; the quieter the host, the narrower the
intervals; wide ones are reported. The profile goes to $XDG_CONFIG_HOME/clearway/profile.json (else ~/.config).

  --seconds N   time to spend, 10 to 55 (40)
  --check       also measure serve at sizes and connection counts that are not used for the profile, and compare
                them with the predictions of plan --here (takes half a minute more)
  --json        print the profile (and the comparison of --check) as JSON only
  -h, --help    print this help

Exit status: 0; 1 if the host refuses; 2 for wrong use.
`;

function progressTo(stream: NodeJS.WriteStream, started: number): (text: string) => void {
  return (text) => {
    const seconds = ((Date.now() - started) / 1000).toFixed(0);
    if (stream.isTTY) stream.write(`\r\x1b[K${seconds} s  ${text}`);
  };
}

function printTable(constants: Partial<Record<ConstantId, Constant>>, path: string): void {
  const rows = Object.entries(constants).map(([id, one]) => [
    id,
    Number(one.value.toPrecision(4)).toString(),
    one.unit,
    one.conditions,
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const row of rows) {
    console.log(
      `${row[0]!.padEnd(widths[0]!)}  ${row[1]!.padStart(widths[1]!)} ${row[2]!.padEnd(widths[2]!)}  ${row[3]}`,
    );
  }
  console.log(
    `\nStored in ${path}. Traffic within this host only: no DMA, no PCIe, no wire.\nNow: clearway plan --here`,
  );
}

/** The command. Returns the exit status. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseFlags('calibrate', args, {
    seconds: { type: 'string' },
    check: { type: 'boolean' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help) {
    process.stdout.write(dressed(help, process.stdout));
    return 0;
  }
  const { seconds: given = '40' } = values;
  const seconds = /^\d+(?:\.\d+)?$/.test(given) ? Number(given) : Number.NaN;
  if (!(seconds >= 10 && seconds <= 55)) {
    throw new UsageError(`--seconds is a number from 10 to 55, not ${JSON.stringify(given)}`);
  }
  try {
    prepareStore();
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    if (code === 'CLEARWAY_PROFILE') throw error;
    const why = `the profile could not be stored: ${fileTrouble(error)} (${path})`;
    throw coded('CLEARWAY_PROFILE', new Error(`${why}; set XDG_CONFIG_HOME to a folder that this user may write to`));
  }
  const started = Date.now();
  const progress = progressTo(process.stderr, started);
  if (!process.stderr.isTTY) console.error(`measuring this host for about ${seconds} s`);
  const { measured, checked, drift } = await measureHost(seconds, values.check === true, progress);
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  const { constants, inlineBytes, pieces } = fitProfile(measured, table);
  const profile = {
    title: `${cpus()[0]?.model ?? 'this processor'}, Linux ${release()}, traffic within the host`,
    measuredAt: new Date().toISOString(),
    constants,
  };
  const path = storeHost(profile, { inlineBytes, ...pieces });
  const warning = noise(measured);
  if (warning) console.error(`\n${warning}\n`);
  const here = { ...profile, source: 'clearway calibrate' };
  const checking = values.check ? check(checked, here, drift) : undefined;
  const guests = values.check ? checkGuests(measured, here) : [];
  const bypass = values.check ? checkBypass(measured, here) : [];
  const requests = values.check ? checkRequests(measured, here) : [];
  if (values.json)
    process.stdout.write(
      `${JSON.stringify({ ...profile, drift, check: checking, guests, bypass, requests }, null, 2)}\n`,
    );
  else {
    printTable(constants, path);
    console.log(
      checking
        ? `${checkTable(checking)}\n${guestTable(guests)}${bypassTable(bypass)}${requestTable(requests)}`
        : driftWords(drift),
    );
  }
  return 0;
}
