// `npm run soak:vm`: requests of mixed commands to the store in a virtual machine, each answer held against a model in this process: `-- --requests N` (24 million), `--seed N`,
// `--door turns|threads`, `--policy noeviction|allkeys-lru` (both, half of the requests each). Not here: what is asked and held (soak.ts).

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeHost, hostFacts } from '../../host/about.js';
import { repositoryRoot } from '../../servers/peer.js';
import type { Seen } from './model.js';
import type { Door } from './rig.js';
import { type Policy, soak } from './soak.js';

const help = `Usage: npm run soak:vm -- [OPTIONS]

Mixed commands to the store in a virtual machine (KVM), each answer held against a model in this process. It ends with status 1 at the first wrong answer.

  --requests N     how many in all, at least 1 (24000000)
  --seed N         of the commands' order; what went wrong comes again with the seed that it prints (1)
  --door WHICH     turns: the guest runs in the thread of its clients; threads: in one of its own (turns)
  --policy WHICH   noeviction or allkeys-lru (both, half of the requests each)
`;

/** The options, or a sentence and status 2. */
function optionsOf(): ReturnType<typeof parsed> {
  try {
    return parsed();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}: see npm run soak:vm -- --help\n`);
    process.exit(2);
  }
}

const parsed = () =>
  parseArgs({
    options: {
      help: { type: 'boolean', short: 'h' },
      requests: { type: 'string', default: '24000000' },
      seed: { type: 'string', default: '1' },
      door: { type: 'string', default: 'turns' },
      policy: { type: 'string' },
    },
  });
const { values } = optionsOf();
if (values.help === true) {
  process.stdout.write(help);
  process.exit(0);
}
if (!/^[1-9]\d{0,11}$/.test(values.requests) || !/^[1-9]\d{0,8}$/.test(values.seed)) {
  process.stderr.write('--requests is a whole number from 1 on, --seed one from 1 to 999999999\n');
  process.exit(2);
}
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const requests = Number(values.requests);
const seed = Number(values.seed);
const doors: readonly Door[] = ['turns', 'threads'];
const door = doors.find((each) => each === values.door);
const all: readonly Policy[] = ['noeviction', 'allkeys-lru'];
const policies = values.policy === undefined ? all : all.filter((each) => each === values.policy);
if (door === undefined || policies.length === 0) {
  process.stderr.write('--door is turns or threads, --policy is noeviction or allkeys-lru\n');
  process.exit(2);
}

/** Says how far it is, every ten seconds. */
function teller(most: number): (seen: Seen) => void {
  const beganMs = performance.now();
  let lastMs = beganMs;
  return ({ requests: done, refused, expired, evicted }) => {
    const nowMs = performance.now();
    if (nowMs - lastMs < 10_000) return;
    lastMs = nowMs;
    const rate = done / (nowMs - beganMs);
    say(
      `  ${(done / 1e6).toFixed(2)} of ${(most / 1e6).toFixed(2)} million, ${rate.toFixed(0)}k/s; refused ${refused}, expired ${expired}, made room ${evicted}`,
    );
  };
}

say(describeHost({ ...hostFacts(), placement: 'not pinned' }));
for (const policy of policies) {
  const most = Math.ceil(requests / policies.length);
  say(`${policy}, ${door}, seed ${seed}: ${most} requests`);
  const image = join(repositoryRoot, 'dist/image/kv.elf');
  const found = await soak({ image, door, policy, seed, requests: most, progress: teller(most) });
  say(
    `${found.requests} requests in ${found.seconds.toFixed(1)} s (${(found.requests / found.seconds / 1000).toFixed(0)}k/s), no wrong answer and no lost key: ${found.keys} keys read at the end; ` +
      `${found.refused} writes refused at the bound, ${found.expired} keys missed after their time, ${found.evicted} missed for others (the store says ${found.evictedByStore}); ` +
      `at most ${(found.memory * 100).toFixed(1)} % of maxmemory used`,
  );
}
