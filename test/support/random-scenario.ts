// Random but valid scenarios from a seed, for the tests that hold the two implementations against each other. Not a workload model.

import { randomSource } from '../../src/plan/answers/simulate.js';
import { defaultScenario, fieldNames, fields, type Scenario } from '../../src/plan/scenario.js';

const sizes: Partial<Record<keyof Scenario, readonly number[]>> = {
  message: [64, 200, 512, 1472, 4096, 16_384, 65_536, 262_144, 1_048_576],
  page: [4096, 65_536, 2_097_152],
  rxBuffer: [2048, 4096, 32_768],
  gsoMax: [65_536, 131_072, 524_288],
  mtu: [1500, 4096, 9000],
  nic: [10e9, 25e9, 100e9, 200e9, 400e9],
  fragments: [1, 1, 3, 16, 64],
  maxFrags: [17, 45],
  cores: [1, 2, 3, 4, 8],
  flows: [1, 2, 8, 1000],
  rules: [0, 0, 10, 500],
  iommuWindow: [262_144, 1_048_576, 67_108_864],
  cable: [0, 2, 100],
  switches: [0, 1, 3],
  load: [0.5, 0.7],
};

/** A valid scenario drawn with `seed`. */
export function randomScenario(seed: number): Scenario {
  const random = randomSource(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const scenario = defaultScenario() as unknown as Record<string, unknown>;
  for (const name of fieldNames) {
    const field = fields[name];
    const given = sizes[name];
    if (given) scenario[name] = pick(given);
    else if (field.kind === 'choice') scenario[name] = pick(field.values ?? [field.default]);
    else if (field.kind === 'flag') scenario[name] = random() < 0.5;
    else if (field.kind === 'pcie') scenario[name] = pick(['gen2x8', 'gen3x8', 'gen3x16', 'gen4x16', 'gen5x16']);
  }
  if (scenario.host === 'here') scenario.host = 'reference';
  if (random() < 0.6) scenario.path = 'socket';
  if (scenario.path !== 'socket') scenario.message = pick([64, 128, 512, 1518]);
  if (scenario.device === 'dummy') scenario.direction = 'send';
  if (scenario.protocol === 'ethernet') scenario.protocol = 'tcp';
  return scenario as unknown as Scenario;
}
