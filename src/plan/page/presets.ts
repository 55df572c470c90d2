// Scenarios to start from on the plan page: the questions people ask first. The same kind of thing as examples/scenarios, in code.

import { defaultScenario, type Scenario } from '../scenario.js';

const from = (changes: Partial<Scenario>): Scenario => ({ ...defaultScenario(), ...changes });

const rome: Partial<Scenario> = {
  host: 'rome-2022',
  direction: 'send',
  mtu: 4096,
  nic: 200e9,
  pcie: 'gen4x16',
  ip: 6,
  iommu: 'strict',
  message: 2 ** 20,
};

export const presets: readonly { title: string; scenario: Scenario }[] = [
  { title: 'one TCP flow, all defaults', scenario: from({}) },
  {
    title: 'file server on 100G',
    scenario: from({
      source: 'file',
      way: 'sendfile',
      message: 2 ** 20,
      mtu: 9000,
      cores: 4,
      flows: 128,
      direction: 'send',
      firewall: 'conntrack',
    }),
  },
  { title: 'zero-copy loses: 4 KiB pages behind an IOMMU', scenario: from({ ...rome, way: 'zerocopy' }) },
  { title: 'zero-copy wins: huge pages', scenario: from({ ...rome, way: 'zerocopy', page: 2 ** 21 }) },
  {
    title: 'UDP with GSO, one core',
    scenario: from({
      host: 'gso-2018',
      direction: 'send',
      protocol: 'udp',
      offload: 'gso',
      message: 61_824,
      nic: 40e9,
    }),
  },
  {
    title: 'no copy at either end, 400G',
    scenario: from({
      way: 'send_zc_fixed',
      page: 2 ** 21,
      receive: 'zcrx',
      rxBuffer: 32_768,
      mtu: 9000,
      nic: 400e9,
      pcie: 'gen5x16',
      message: 2 ** 20,
    }),
  },
  {
    title: 'tiny fragments on i40e',
    scenario: from({ way: 'zerocopy', nicProfile: 'i40e', fragments: 256, message: 32_768, direction: 'send' }),
  },
  {
    title: 'guest behind NFQUEUE',
    scenario: from({ guest: 'vhost', firewall: 'nfqueue', way: 'zerocopy', message: 262_144 }),
  },
  {
    title: 'XDP drops 64 B frames',
    scenario: from({ host: 'xdp-2018', path: 'xdp-drop', message: 64, cores: 4, flows: 1000, cqeCompression: true }),
  },
  {
    title: 'kernel forwarding, full table',
    scenario: from({ host: 'xdp-2018', path: 'linux-forward', fib: 'full', message: 64, cores: 4, flows: 1000 }),
  },
];
