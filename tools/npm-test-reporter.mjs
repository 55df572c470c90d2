// What `npm test` shows: a line for each test file as soon as it is done, the failed and the skipped tests with their
// reasons, and the closing counts. Failures, skips and counts are printed by Node's own `spec` reporter, from the
// runner's own events; this only leaves out the passes and adds the progress. Plain JavaScript, like the rest of the
// commands that run before anything is built.
import { relative } from 'node:path';
import { spec as Spec } from 'node:test/reporters';

const total = Number(process.env.CLEARWAY_TEST_FILES ?? 0);
const PASSED_ON = new Set(['test:diagnostic', 'test:stderr', 'test:stdout', 'test:fail']);

/** The reporter: an async generator of text over the runner's events, as `node --test --test-reporter` wants it. */
export default async function* report(events) {
  const spec = new Spec();
  const printed = [];
  spec.setEncoding('utf8');
  spec.on('data', (text) => printed.push(text));
  const starts = [];
  let filesDone = 0;
  for await (const event of events) {
    const line = progress(event, filesDone + 1);
    if (line !== undefined) {
      filesDone++;
      yield line;
    }
    const chosen = choose(event, starts);
    if (chosen.length === 0) continue;
    for (const each of chosen) spec.write(each);
    await new Promise((resolve) => setImmediate(resolve));
    yield printed.splice(0).join('');
  }
  await new Promise((resolve) => spec.end(resolve));
  yield printed.splice(0).join('');
}

/** The line for a file whose process ended: that is when the runner completes a test named like its file. */
function progress({ type, data }, count) {
  if (type !== 'test:complete' || data.nesting !== 0 || data.file === undefined || !data.file.endsWith(data.name)) {
    return undefined;
  }
  const { passed, error, duration_ms: durationMs } = data.details;
  const failed = passed === false || error !== undefined;
  const source = relative(process.cwd(), data.file)
    .replace(/^dist\//, '')
    .replace(/\.js$/, '.ts');
  const seconds = `${(durationMs / 1000).toFixed(1)} s`.padStart(8);
  const of = total > 0 ? `${String(count).padStart(String(total).length)}/${total}` : String(count);
  return `${of} ${seconds}  ${source}${failed ? '  FAILED' : ''}\n`;
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
