// The run time of each of the meter's programs under a load, by the kernel's own statistics of BPF programs: where to save.
// The statistics themselves cost about as much as a small program, so these are for comparing programs, not for the overhead.

import { Btf } from '../../src/bpf/btf.js';
import {
  bpfClose,
  bpfDescriptorById,
  bpfEnableStatistics,
  bpfInfo,
  bpfNextId,
  bpfProgramName,
} from '../../src/kernel/bpf.js';
import { check } from '../../src/kernel/system-error.js';
import { createMeter } from '../../src/meter/index.js';
import { choosePlacement } from '../host/child.js';
import { Worker } from './worker.js';

/** One program's share of a unit of work. */
export interface ProgramCost {
  readonly name: string;
  readonly runsEach: number;
  readonly nsEachRun: number;
}

interface Statistics {
  readonly runs: number;
  readonly timeNs: number;
}

function statisticsOf(ids: readonly number[]): Map<number, Statistics> {
  const types = Btf.kernel();
  const runTime = types.field('bpf_prog_info', 'run_time_ns').offset;
  const runCount = types.field('bpf_prog_info', 'run_cnt').offset;
  const found = new Map<number, Statistics>();
  for (const id of ids) {
    const fd = bpfDescriptorById('program', id);
    if (fd < 0) continue;
    const info = bpfInfo(fd);
    bpfClose(fd);
    const view = new DataView(info.buffer, info.byteOffset);
    found.set(id, {
      timeNs: Number(view.getBigUint64(runTime, true)),
      runs: Number(view.getBigUint64(runCount, true)),
    });
  }
  return found;
}

function programIds(): number[] {
  const ids: number[] = [];
  for (let id = bpfNextId('program', 0); id > 0; id = bpfNextId('program', id)) ids.push(id);
  return ids;
}

/** Runs and run time of each program for each message of a load. @throws SystemError where the kernel keeps no statistics */
export async function programCosts(kind: string, timeMs: number): Promise<ProgramCost[]> {
  const statistics = check(bpfEnableStatistics(), 'bpf', 'BPF_ENABLE_STATS');
  const worker = await Worker.start(kind, choosePlacement().load.cpus);
  const others = new Set(programIds());
  const meter = createMeter({ scope: { kind: 'all' } });
  try {
    await worker.round(100);
    const ids = programIds().filter((id) => !others.has(id));
    const before = statisticsOf(ids);
    const { messages } = await worker.round(timeMs);
    return [...statisticsOf(ids)].map(([id, { runs, timeNs }]) => {
      const start = before.get(id)!;
      const own = runs - start.runs;
      return {
        name: bpfProgramName(id),
        runsEach: own / messages,
        nsEachRun: own === 0 ? 0 : (timeNs - start.timeNs) / own,
      };
    });
  } finally {
    meter.close();
    await worker.stop();
    bpfClose(statistics);
  }
}
