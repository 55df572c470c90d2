// The commands of `clearway`: a name, a line for --help, and where each is loaded from. A command's module is imported only when
// it runs, so that no command pays for another. A command is a file of this folder that exports `run(args)`.

import type { CommandEntry } from './kit/dispatch.js';

/** Every command, in the order in which a newcomer needs them. */
export const commands: readonly CommandEntry[] = [
  { name: 'serve', summary: 'serve a directory over HTTP/1.1', load: () => import('./serve.js') },
  {
    name: 'media',
    summary: 'show what a film offers as HLS and DASH, what is left out, and why',
    load: () => import('./media.js'),
  },
  {
    name: 'play',
    summary: 'play audio bit for bit, and report lateness, headroom and losses',
    load: () => import('./play.js'),
  },
  {
    name: 'disk',
    summary: 'offer raw disk images to virtual machines (virtio-blk over vhost-user)',
    load: () => import('./disk.js'),
  },
  {
    name: 'net',
    summary: 'offer network devices to virtual machines (virtio-net over vhost-user)',
    load: () => import('./net.js'),
  },
  {
    name: 'kv',
    summary: 'an in-memory key-value store for Redis clients',
    load: () => import('./kv.js'),
  },
  {
    name: 'vm',
    summary: 'run a program that is its own operating system in a virtual machine (KVM)',
    load: () => import('./vm.js'),
  },
  {
    name: 'bypass',
    summary: 'compare serving through the kernel with serving past it, in numbers',
    load: () => import('./bypass.js'),
  },
  {
    name: 'doctor',
    summary: 'check what this host can do, what is missing, and how to get it',
    load: () => import('./doctor.js'),
  },
  {
    name: 'calibrate',
    summary: 'measure this host: plan --here and serve use the results',
    load: () => import('./calibrate.js'),
  },
  {
    name: 'plan',
    summary: 'predict where a packet\u2019s time goes, and how to make it faster',
    load: () => import('./plan.js'),
  },
  {
    name: 'meter',
    summary: 'count every byte that the CPU copies through sockets, for any program',
    load: () => import('./meter.js'),
  },
  {
    name: 'journey',
    summary: 'measure where the time of TCP messages goes, from sender to reader',
    load: () => import('./journey.js'),
  },
  { name: 'why', summary: 'explain why bytes are copied, and how to avoid it', load: () => import('./why.js') },
  {
    name: 'lab',
    summary: 'run experiments in network namespaces: copies predicted and measured',
    load: () => import('./lab.js'),
  },
];
