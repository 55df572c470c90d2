// Why the meter's tests cannot run here, where they cannot. It holds no test of its own.

import { hostFacts } from '../bpf/host-facts.js';

const facts = process.platform === 'linux' ? hostFacts() : undefined;

/** The reason for `skip`, or false. */
export const meterSkip =
  (facts === undefined && 'needs Linux') ||
  (!facts?.btf && 'this kernel publishes no BTF') ||
  (!facts?.capabilities.has('CAP_SYS_ADMIN') && 'needs root: loads BPF programs') ||
  false;
