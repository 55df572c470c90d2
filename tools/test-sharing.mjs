// Which test files run in one process: a process for each costs more than most of them compute. What a file can leave behind decides, and its
// imports tell: one that reaches no process, thread or socket, of the kernel nothing but memory, and that touches no state of the process
// shares. So do files that use something costly together, and leave nothing else. Not here: what is shown of them (npm-test-reporter.mjs).
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { root } from './run.mjs';

// One that hangs or ends its process takes the ones after it along: they must not be many.
const FILES_A_PROCESS = 8;
// They share one Chromium.
const TOGETHER = ['dist/test/browser/'];
const GROUPS = 'groups.json';
const IMPORT = /^(?:import|export)\b[^'";]*['"]([^'"]+)['"]|\bimport\(\s*(?:['"]([^'"]+)['"])?/gm;
// What outlives a test, or is everybody's.
const LEAVES_TRACES =
  /^(?:node:)?(?:child_process|cluster|dgram|http|http2|https|inspector|net|process|tls|v8|vm|worker_threads)$|^playwright-core$/;
const KERNEL = /\/src\/kernel\/(?!(?:constants(?:-\w+)?|errno|ffi|memory|numbers|system-error)\.js$)/;
const OWN_PROCESS =
  /\bprocess\.(?!arch\b|platform\b|versions?\b)|\bglobalThis\b|\bmock\b|^(?:before|after)(?:Each)?\(/m;
const HAS_TESTS = /^ *(?:describe|it|suite|test)\(/m;

/** True for a compiled test file that leaves nothing behind in its process. */
export function mayShare(file) {
  const text = readFileSync(file, 'utf8');
  if (OWN_PROCESS.test(text) || !HAS_TESTS.test(text)) return false;
  const reached = new Set([file]);
  for (const each of reached) {
    for (const imported of importsOf(each)) {
      if (imported === undefined || LEAVES_TRACES.test(imported) || KERNEL.test(imported)) return false;
      if (imported.startsWith('/')) reached.add(imported);
    }
  }
  return true;
}

const known = new Map();

/** What a file imports: paths, names of packages, and undefined for what is only known when it runs. */
function importsOf(file) {
  let imports = known.get(file);
  if (imports === undefined) {
    const text = file.endsWith('.js') && existsSync(file) ? readFileSync(file, 'utf8') : '';
    imports = [...text.matchAll(IMPORT)].map(([, first, second]) => {
      const name = first ?? second;
      return name?.startsWith('.') ? join(dirname(file), name) : name;
    });
    known.set(file, imports);
  }
  return imports;
}

/**
 * Puts those of `files` that may share a process together: gives what to run instead, in the same order, modules in `folder` for several in the
 * place of the first of them. It writes there what {@link groupsOf} reads.
 */
export function shareProcesses(files, folder) {
  const groups = {};
  const modules = new Map();
  const add = (own) => {
    const module = join(folder, `shared-${1 + modules.size}.mjs`);
    const paths = own.map((file) => join(root, file));
    const urls = JSON.stringify(paths.map((path) => pathToFileURL(path).href));
    const here = JSON.stringify(import.meta.url);
    writeFileSync(module, `import { runTogether } from ${here};\nawait runTogether(${urls});\n`);
    groups[module] = paths;
    modules.set(own[0], module);
  };
  const costly = TOGETHER.map((start) => files.filter((file) => file.startsWith(start)));
  for (const own of costly) if (own.length > 1) add(own);
  const others = files.filter((file) => !costly.some((own) => own.includes(file)));
  const small = others.filter((file) => mayShare(join(root, file)));
  for (let start = 0; start < small.length; start += FILES_A_PROCESS) add(small.slice(start, start + FILES_A_PROCESS));
  writeFileSync(join(folder, GROUPS), JSON.stringify(groups));
  const shared = new Set(Object.values(groups).flat());
  return files.flatMap((file) => modules.get(file) ?? (shared.has(join(root, file)) ? [] : [file]));
}

/** The files that each module runs, by its path, as `shareProcesses` wrote it to `folder`; none without one. */
export function groupsOf(folder) {
  return folder === undefined ? {} : JSON.parse(readFileSync(join(folder, GROUPS), 'utf8'));
}

/** Loads test files into this process, whose tests then run in their order. One that cannot be loaded is a failed test, and the others run. */
export async function runTogether(urls) {
  let allLoaded = () => {};
  const loaded = new Promise((resolve) => {
    allLoaded = resolve;
  });
  beforeEach(async () => {
    // What is done when the last test has ended is not done while others are still to come.
    await loaded;
    // What is about to run is told before it does: where it ends the process, that is known.
    await new Promise((resolve) => setImmediate(resolve));
  });
  for (const url of urls) {
    try {
      await import(url);
    } catch (error) {
      test(`${url} can be loaded`, () => {
        throw error;
      });
    }
  }
  allLoaded();
}
