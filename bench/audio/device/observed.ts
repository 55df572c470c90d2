// The observing device (observed.c): compiled, and told to ALSA's library by a file of configuration that programs find by ALSA_CONFIG_PATH. Not here: what its notes mean (notes.ts).

import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile, compilerAbsence } from '../../host/compile.js';
import { hasStarted, type Notes, notesBytes, readNotes } from './notes.js';

const systemConfiguration = '/usr/share/alsa/alsa.conf';
/** Notes of one run: 10 minutes of hand-overs of 128 frames. */
const mostNotes = 1 << 18;
/** Among them is the start of a stream: a ring is filled by fewer hand-overs. */
const firstNotes = 1024;

/** Why there can be no such device here; undefined: there can. */
export function observedAbsence(): string | undefined {
  const compiler = compilerAbsence();
  if (compiler !== undefined) return compiler;
  if (!existsSync('/usr/include/alsa/pcm_ioplug.h'))
    return "no headers of ALSA's library (Debian: apt-get install libasound2-dev)";
  return existsSync(systemConfiguration) ? undefined : 'no configuration of ALSA (Debian: apt-get install libasound2)';
}

/** The ring that the device has. Frames. */
export interface RingWanted {
  readonly rate: number;
  readonly periodFrames: number;
  readonly ringFrames: number;
  /** Where all frames that are handed over are put, one behind the other; a device that is measured at keeps none. */
  readonly soundFile?: string;
}

/** A device that was compiled into a folder. */
export class ObservedDevice {
  /** The name that programs play to; it is ALSA's `default` as well. */
  readonly name = 'observed';
  readonly #library: string;
  readonly #configuration: string;
  readonly #notes: string;

  /** @param folder for the library and its configuration. @throws with the compiler's words */
  constructor(folder: string) {
    this.#library = join(folder, 'libasound_module_pcm_observed.so');
    this.#configuration = join(folder, 'observed.conf');
    // Memory, where there is a file system of it: pages that are written back would be faults of those who are measured.
    const memory = existsSync('/dev/shm') ? '/dev/shm' : folder;
    this.#notes = join(memory, `clearway-observed-${process.pid}`);
    compile('bench/audio/device/observed.c', this.#library, '-shared', '-fPIC', '-lasound');
  }

  /** What programs need in their environment. */
  get environment(): { readonly ALSA_CONFIG_PATH: string } {
    return { ALSA_CONFIG_PATH: `${systemConfiguration}:${this.#configuration}` };
  }

  /** Forgets what was noted; who opens it from now on gets this ring and no other. */
  begin({ rate, periodFrames, ringFrames, soundFile }: RingWanted): void {
    const sound = soundFile === undefined ? '' : ` sound "${soundFile}"`;
    const type = `type observed notes "${this.#notes}"${sound} rate ${rate} period ${periodFrames} buffer ${ringFrames}`;
    const names = [this.name, '!default'].map((name) => `pcm.${name} { ${type} }\n`);
    writeFileSync(this.#configuration, `pcm_type.observed { lib "${this.#library}" }\n${names.join('')}`);
    rmSync(this.#notes, { force: true });
    const file = openSync(this.#notes, 'wx', 0o600);
    ftruncateSync(file, notesBytes(mostNotes));
    closeSync(file);
  }

  /** Whether somebody plays, or did. */
  hasStarted(): boolean {
    const file = openSync(this.#notes, 'r');
    const bytes = new Uint8Array(notesBytes(firstNotes));
    readSync(file, bytes, 0, bytes.length, 0);
    closeSync(file);
    return hasStarted(bytes);
  }

  /** What was noted so far. @throws when nobody played */
  end(): Notes {
    return readNotes(readFileSync(this.#notes));
  }

  /** Gives the file of notes back. */
  remove(): void {
    rmSync(this.#notes, { force: true });
  }
}
