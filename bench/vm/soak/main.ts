// `npm run soak:vm`: requests of mixed commands to the store in a virtual machine, each answer held against a model in this process: `-- --requests N` (24 million), `--seed N`,
// `--door turns|threads`, `--policy noeviction|allkeys-lru` (both, half of the requests each). Not here: what is asked and held (soak.ts).

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeHost, hostFacts } from '../../host/about.js';
import { repositoryRoot } from '../../servers/peer.js';
import type { Seen } from './model.js';
import type { Door } from './rig.js';
import { type Policy, soak } from './soak.js';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '24000000' },
    seed: { type: 'string', default: '1' },
    door: { type: 'string', default: 'turns' },
    policy: { type: 'string' },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const requests = Math.max(1, Number(values.requests) || 0);
const seed = Number(values.seed) || 1;
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

say(describeHost(hostFacts()));
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
