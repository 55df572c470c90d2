// What this host and this user have of what even playing needs: rights to be real-time, memory that may be locked, limits of control groups, the group audio,
// and the libraries of sound. Each answer that is not a yes says what is lost and the command that gives it; `clearway doctor` shows the same.
// Not here: how it is printed.

import { readdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { cardNumbers } from '../alsa/cards.js';
import { SCHED } from '../kernel/constants.js';
import { Errno, errnoName } from '../kernel/errno.js';
import { openLibrary } from '../kernel/ffi.js';
import { processorQuota, resourceLimit } from '../kernel/limits.js';
import { type Finding, type Outcome, type Probe, runProbe } from '../kernel/probe.js';
import { processStatus, readSysctlNumber, readText } from '../kernel/proc.js';
import { becomeFifo, becomeOrdinary, schedulingOf } from '../kernel/scheduling.js';
import { sonames } from './sonames.js';

const limitsFile = '/etc/security/limits.d/audio.conf';
/** The priority that the pump asks for. */
const wantedPriority = 60;
/** What the pump locks at most: a ring of decoded samples of 2 s at 192 kHz, 8 channels of 32 bits. */
const wantedLockedBytes = 16 * 1024 * 1024;
const mebibyte = 1024 * 1024;

const giveRights = `echo '@audio - rtprio 95' | sudo tee -a ${limitsFile}; sudo usermod -aG audio $USER; then log in again`;

/** FIFO is tried, for a moment, on this thread. */
function examineFifo(): Outcome {
  const { soft } = resourceLimit('RTPRIO');
  const exempt = processStatus().capabilities.has('CAP_SYS_NICE');
  const facts = { limit: Number.isFinite(soft) ? soft : null, exempt };
  const before = schedulingOf();
  if (before.policy === SCHED.FIFO) return { state: 'yes', detail: `FIFO, priority ${before.priority}`, facts };
  const priority = exempt ? wantedPriority : Math.max(1, Math.min(wantedPriority, soft));
  const result = becomeFifo(priority);
  if (result === 0) {
    becomeOrdinary();
    return { state: 'yes', detail: `FIFO up to priority ${exempt ? 99 : soft}`, facts };
  }
  const cost = 'the pump is woken up late when others compute: only rings of 200 ms and more are safe';
  if (-result !== Errno.EPERM)
    return { state: 'no', detail: `FIFO is refused (${errnoName(-result)})`, cost, remedy: giveRights, facts };
  if (exempt || soft > 0) {
    return {
      state: 'no',
      detail: 'FIFO is refused although the limit allows it: by the control group or a filter',
      cost,
      remedy: 'docker run --cap-add SYS_NICE --ulimit rtprio=95, or cpu.rt_runtime_us of the control group (cgroup v1)',
      facts,
    };
  }
  return { state: 'no', detail: 'FIFO is refused: the limit rtprio is 0', cost, remedy: giveRights, facts };
}

function examineLocked(): Outcome {
  const { soft } = resourceLimit('MEMLOCK');
  const exempt = processStatus().capabilities.has('CAP_IPC_LOCK');
  const facts = { softBytes: Number.isFinite(soft) ? soft : null, exempt };
  if (exempt) return { state: 'yes', detail: 'no limit holds for this process (CAP_IPC_LOCK)', facts };
  if (!Number.isFinite(soft)) return { state: 'yes', detail: 'no limit', facts };
  const words = `${(soft / mebibyte).toFixed(1)} MiB`;
  if (soft >= wantedLockedBytes) return { state: 'yes', detail: words, facts };
  return {
    state: 'limited',
    detail: words,
    cost: 'a long ring of decoded samples stays unlocked, and can be swapped out where memory is short',
    remedy: `echo '@audio - memlock unlimited' | sudo tee -a ${limitsFile}; then log in again`,
    facts,
  };
}

function examineThrottling(): Outcome {
  const runtime = readSysctlNumber('kernel.sched_rt_runtime_us');
  const period = readSysctlNumber('kernel.sched_rt_period_us');
  const facts = { runtimeUs: runtime ?? null, periodUs: period ?? null };
  if (runtime === undefined || period === undefined) return { state: 'yes', detail: 'this kernel does not say', facts };
  if (runtime === 0) {
    return {
      state: 'no',
      detail: 'real-time threads get no time at all',
      cost: 'a FIFO pump would never run',
      remedy: 'sudo sysctl kernel.sched_rt_runtime_us=950000',
      facts,
    };
  }
  const share = runtime < 0 ? 100 : Math.round((runtime / period) * 100);
  const detail =
    runtime < 0
      ? 'none: a real-time thread that spins takes a processor for good'
      : `${share} % of a processor at most`;
  return { state: 'yes', detail, facts };
}

function examineGroups(): Outcome {
  const quota = processorQuota();
  const facts = { quota: quota ?? null };
  if (quota === undefined) return { state: 'yes', detail: 'no control group limits the time of a processor', facts };
  if (quota >= 1) return { state: 'yes', detail: `the time of ${quota.toFixed(2)} processors`, facts };
  return {
    state: 'limited',
    detail: `the time of ${quota.toFixed(2)} processors`,
    cost: 'when it is used up, everything in the group stands still until the next period: some 100 ms',
    remedy: 'raise cpu.max of the control group (docker run --cpus 2), or play with a ring of 500 ms: --buffer 500',
    facts,
  };
}

/** Numbers and names of this process's groups. */
function groupNames(): string[] {
  const numbers = new Set((process.getgroups?.() ?? []).map(String));
  const lines = (readText('/etc/group') ?? '').split('\n').map((line) => line.split(':'));
  return lines.filter(([, , number]) => numbers.has(number ?? '')).map(([name]) => name ?? '');
}

function examineAudioGroup(): Outcome {
  const isRoot = process.getuid?.() === 0;
  const cards = cardNumbers();
  const facts = { groups: groupNames(), cards: cards.length, root: isRoot };
  if (isRoot) return { state: 'yes', detail: 'root may open every device', facts };
  if (facts.groups.includes('audio')) return { state: 'yes', detail: 'this user is of it', facts };
  let name = '$USER';
  try {
    name = userInfo().username;
  } catch {
    // A user without an entry: the shell knows its own.
  }
  return {
    state: 'limited',
    detail: 'this user is not of it',
    cost: 'cards can be opened only where the seat manager (logind) gives them to whoever sits at the machine',
    remedy: `sudo usermod -aG audio ${name}, then log in again`,
    facts,
  };
}

function examineCards(): Outcome {
  const cards = cardNumbers();
  const facts = { cards: cards.map((card) => `hw:${card}`) };
  if (cards.length > 0) return { state: 'yes', detail: `${cards.length}: ${facts.cards.join(', ')}`, facts };
  let hasFolder = true;
  try {
    readdirSync('/dev/snd');
  } catch {
    hasFolder = false;
  }
  return {
    state: 'no',
    detail: hasFolder ? 'none: /dev/snd has no card' : 'none: there is no /dev/snd',
    cost: 'only servers (jack, PipeWire over the network), files and null can be played to',
    remedy: 'sudo modprobe snd-hda-intel, snd-usb-audio or the driver of yours; docker run --device /dev/snd',
    facts,
  };
}

/** Libraries of sound: for each its name, what it gives, and Debian's and Fedora's packages. */
const libraries = [
  ['libasound', 'ALSA names: default, pipewire, pulse, plughw', 'libasound2', 'alsa-lib'],
  ['libjack', 'a JACK server: --device jack', 'libjack-jackd2-0', 'jack-audio-connection-kit'],
  ['libFLAC', 'FLAC of every depth', 'libflac12', 'flac-libs'],
  ['libsndfile', 'Ogg, Opus, MP3, AIFF, CAF', 'libsndfile1', 'libsndfile'],
] as const;

function examineLibrary([name, gives, debian, fedora]: (typeof libraries)[number]): Outcome {
  const found = openLibrary(sonames[name]);
  if (found !== undefined) return { state: 'yes', detail: found.name, facts: { library: found.name } };
  return {
    state: 'no',
    detail: `${name} is not installed`,
    cost: `cannot be played or played to: ${gives}`,
    remedy: `sudo apt-get install ${debian} (Debian), sudo dnf install ${fedora} (Fedora)`,
    facts: { library: null },
  };
}

/** Every probe, in the order of the report. */
export const audioProbes: readonly Probe[] = [
  {
    ...{ id: 'audio_fifo', group: 'audio', what: 'real-time class' },
    meaning: 'The pump is woken up before everything else (SCHED_FIFO).',
    examine: examineFifo,
  },
  {
    ...{ id: 'audio_memlock', group: 'audio', what: 'locked memory' },
    meaning: 'The rings between decoder, pump and driver stay in memory.',
    examine: examineLocked,
  },
  {
    ...{ id: 'audio_throttling', group: 'audio', what: 'real-time limit' },
    meaning: 'What the kernel leaves real-time threads of a processor (sched_rt_runtime_us).',
    examine: examineThrottling,
  },
  {
    ...{ id: 'audio_cgroup', group: 'audio', what: 'processor quota' },
    meaning: 'A control group that has used up its quota stands still, the pump with it.',
    examine: examineGroups,
  },
  {
    ...{ id: 'audio_cards', group: 'audio', what: 'sound cards' },
    meaning: "Played to by the kernel's own interface: --device hw:CARD,DEVICE.",
    examine: examineCards,
  },
  {
    ...{ id: 'audio_group', group: 'audio', what: 'group audio' },
    meaning: 'Its members may open sound cards.',
    examine: examineAudioGroup,
  },
  ...libraries.map(
    (library): Probe => ({
      ...{ id: `audio_${library[0].toLowerCase()}`, group: 'audio', what: library[0] },
      meaning: `For ${library[1]}.`,
      examine: () => examineLibrary(library),
    }),
  ),
];

/** Asks everything; never throws. */
export function checkRealtime(): Finding[] {
  return audioProbes.map((probe) => runProbe(probe));
}
