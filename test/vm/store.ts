// What guests' tests said, kept file by file as each ends, so that a run that was cut off can be gone on with. Results are
// kept under a digest of the compiled program: those of another build are never taken for this one's. Not here: reading them
// (results.ts).

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What one test file did on one kernel. */
export interface FileResult {
  /** Its name without `.guest.js`. */
  readonly file: string;
  /** Its exit status; `undefined` where the guest ended before it. */
  readonly status: number | undefined;
  /** What it wrote: TAP. */
  readonly output: string;
}

const folderOfAll = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'clearway', 'guest-results');

/** Builds whose results are kept. */
const keptBuilds = 5;

/** A digest of every compiled file under some folders: the same build gives the same. */
export function buildDigest(folders: readonly string[]): string {
  const digest = createHash('sha256');
  for (const folder of folders) {
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));
    for (const name of names.sort()) digest.update(`${name}\0`).update(readFileSync(join(folder, name)));
  }
  return digest.digest('hex').slice(0, 16);
}

/** The results of one build, in files; by default in the user's cache. */
export class ResultStore {
  private readonly folder: string;

  constructor(build: string, root: string = folderOfAll) {
    this.folder = join(root, build);
    mkdirSync(this.folder, { recursive: true });
    const age = (name: string): number => statSync(join(root, name)).mtimeMs;
    const builds = readdirSync(root).sort((left, right) => age(right) - age(left));
    for (const old of builds.slice(keptBuilds)) {
      if (old !== build) rmSync(join(root, old), { recursive: true, force: true });
    }
  }

  /** The result of a file on a kernel that passed; `undefined` where there is none. */
  passed(version: string, file: string): FileResult | undefined {
    const path = this.path(version, file);
    if (!existsSync(path)) return undefined;
    const result = JSON.parse(readFileSync(path, 'utf8')) as FileResult;
    return result.status === 0 ? result : undefined;
  }

  /** Keeps a result in the place of an earlier one. */
  keep(version: string, result: FileResult): void {
    const path = this.path(version, result.file);
    writeFileSync(`${path}.partial`, JSON.stringify(result));
    renameSync(`${path}.partial`, path);
  }

  private path(version: string, file: string): string {
    return join(this.folder, `${version} ${file}.json`);
  }
}

const beginning = '### begins:';
const ending = '### ends:';

/**
 * The shell commands that run test files in a guest one after the other, each by itself, with marks around its output.
 * @param command of one file. One that does not end within `limitSeconds` of the guest's time is ended: status 124.
 */
export function scriptOf(files: readonly string[], command: (file: string) => string, limitSeconds: number): string {
  return files
    .map((file) => `echo '${beginning} ${file}'\ntimeout -k 10 ${limitSeconds} ${command(file)}\necho "${ending} $?"`)
    .join('\n');
}

/**
 * Takes a guest's output to pieces by the marks of {@link scriptOf}: files that ended, and the one that had begun when the
 * output ended, with the status `undefined`.
 */
export function splitOutput(output: string): FileResult[] {
  const results: FileResult[] = [];
  let file: string | undefined;
  let lines: string[] = [];
  const end = (status: number | undefined): void => {
    if (file !== undefined) results.push({ file, status, output: `${lines.join('\n')}\n` });
    file = undefined;
  };
  for (const line of output.split('\n')) {
    // What a test wrote without an end of line stands before the mark.
    const endAt = line.indexOf(ending);
    if (line.startsWith(beginning)) {
      end(undefined);
      file = line.slice(beginning.length).trim();
      lines = [];
    } else if (endAt >= 0 && /^ \d+$/.test(line.slice(endAt + ending.length))) {
      if (endAt > 0) lines.push(line.slice(0, endAt));
      end(Number(line.slice(endAt + ending.length)));
    } else lines.push(line);
  }
  end(undefined);
  return results;
}
