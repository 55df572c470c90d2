// What `npm test` shows: a line for each test file as soon as its process is done, the failed and the skipped tests with their
// reasons, and the closing counts. Failures, skips and counts are printed by Node's own `spec` reporter, from the
// runner's own events; this only leaves out the passes, adds the progress, and names places as the sources have them. Plain JavaScript, like
// the rest of the commands that run before anything is built.
import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { relative } from 'node:path';
import { spec as Spec } from 'node:test/reporters';
import { groupsOf } from './test-sharing.mjs';

const total = Number(process.env.CLEARWAY_TEST_FILES ?? 0);
const groups = groupsOf(process.env.CLEARWAY_TEST_SHARED);
const PASSED_ON = new Set(['test:diagnostic', 'test:stderr', 'test:stdout', 'test:fail']);
const COMPILED = /(?:file:\/\/)?((?:\/[^\s():'"]+\/)?dist\/[^\s():'"]+\.js):(\d+):(\d+)/g;

/** The reporter: an async generator of text over the runner's events, as `node --test --test-reporter` wants it. */
export default async function* report(events) {
  const spec = new Spec();
  const printed = [];
  spec.setEncoding('utf8');
  spec.on('data', (text) => printed.push(text));
  const starts = [];
  const shared = new SharedFiles();
  let filesDone = 0;
  for await (const event of events) {
    shared.note(event);
    const done = endOfProcess(event);
    if (done !== undefined) {
      filesDone += done.files.length;
      yield progress(done, filesDone);
    }
    const chosen = choose(event, starts);
    if (chosen.length === 0) continue;
    for (const each of chosen) spec.write(each);
    await new Promise((resolve) => setImmediate(resolve));
    yield asInSources(printed.splice(0).join(''));
  }
  yield shared.lost();
  await new Promise((resolve) => spec.end(resolve));
  yield asInSources(printed.splice(0).join(''));
}

/** What a process that ended ran: that is when the runner completes a test named like the file that it began with. */
function endOfProcess({ type, data }) {
  if (type !== 'test:complete' || data.nesting !== 0 || data.file === undefined || !data.file.endsWith(data.name)) {
    return undefined;
  }
  const { passed, error, duration_ms: durationMs } = data.details;
  return { files: groups[data.file] ?? [data.file], durationMs, failed: passed === false || error !== undefined };
}

/** A line for a file; those that shared its process follow, without a time of their own. */
function progress({ files, durationMs, failed }, count) {
  const of = total > 0 ? `${String(count).padStart(String(total).length)}/${total}` : String(count);
  const head = `${of} ${`${(durationMs / 1000).toFixed(1)} s`.padStart(8)}  `;
  const [first, ...others] = files.map(sourceOf);
  const shared = others.map((name) => `${' '.repeat(head.length)}${name}\n`);
  return `${head}${first}${failed ? '  FAILED' : ''}\n${shared.join('')}`;
}

function sourceOf(file) {
  return relative(process.cwd(), file)
    .replace(/^dist\//, '')
    .replace(/\.js$/, '.ts');
}

/**
 * Which of the files that share a process it ended in the middle of, and which it never came to. The events of a process come in their order, those
 * of different ones in that of the runner's list: all is known at the end.
 */
class SharedFiles {
  #groups = Object.entries(groups).map(([module, files]) => ({ module, files, failed: false }));
  #begun = new Set();
  #running = new Map();

  note({ type, data }) {
    if (data.nesting !== 0 || data.file === undefined) return;
    if (type === 'test:dequeue') {
      this.#begun.add(data.file);
      this.#running.set(data.file, data.name);
    } else if (type === 'test:complete') {
      this.#running.delete(data.file);
      const own = this.#groups.find(({ module }) => module === data.file);
      if (own !== undefined) own.failed = data.details.error !== undefined || data.details.passed === false;
    }
  }

  lost() {
    const lines = [];
    for (const { files, failed } of this.#groups) {
      for (const file of failed ? files : []) {
        const test = this.#running.get(file);
        if (test !== undefined) lines.push(`${sourceOf(file)}: the process ended in "${test}"\n`);
        else if (!this.#begun.has(file)) lines.push(`${sourceOf(file)}: not run\n`);
      }
    }
    return lines.join('');
  }
}

const maps = new Map();

/** Text whose places in compiled files are those in their sources: cheaper than maps that every test process reads. */
function asInSources(text) {
  return text.replace(COMPILED, (place, file, line, column) => {
    const map = mapOf(file);
    const origin = map?.findOrigin(Number(line), Number(column));
    return origin?.lineNumber === undefined ? place : `${sourceOf(file)}:${origin.lineNumber}:${origin.columnNumber}`;
  });
}

function mapOf(file) {
  if (!maps.has(file)) {
    const path = `${file}.map`;
    maps.set(file, existsSync(path) ? new SourceMap(JSON.parse(readFileSync(path, 'utf8'))) : undefined);
  }
  return maps.get(file);
}

/**
 * The events to show for one event. `starts` holds the tests begun and not yet shown: a test that passed goes
 * unseen with its start, a failed or skipped one brings the starts of the tests around it along.
 */
function choose(event, starts) {
  const { type, data } = event;
  if (type === 'test:start') {
    starts.push({ event, shown: false });
    return [];
  }
  if (type !== 'test:pass' && type !== 'test:fail') return PASSED_ON.has(type) ? [event] : [];
  const own = starts.at(-1);
  const worthShowing = type === 'test:fail' || data.skip !== undefined || data.todo !== undefined || own?.shown;
  const shown = worthShowing ? starts.filter((start) => !start.shown) : [];
  for (const start of shown) start.shown = true;
  starts.pop();
  return worthShowing ? [...shown.map((start) => start.event), event] : [];
}
