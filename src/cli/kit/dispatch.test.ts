import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Command, dispatch, type Surroundings } from './dispatch.js';
import { UsageError } from './usage.js';
import { packageVersion } from './version.js';

/** Two commands, and what was printed. */
function stage(serve: Partial<Command> = {}) {
  const printed = { out: '', error: '', loaded: [] as string[] };
  const entry = (name: string, summary: string, command: Command) => ({
    name,
    summary,
    load: async () => {
      printed.loaded.push(name);
      return command;
    },
  });
  const surroundings: Surroundings = {
    commands: [
      entry('serve', 'serves a directory', { run: async () => 0, ...serve }),
      entry('doctor', 'examines the host', { run: async (args) => args.length }),
    ],
    version: () => '1.2.3',
    out: (text) => (printed.out += text),
    error: (text) => (printed.error += text),
  };
  return { surroundings, printed };
}

test('a command gets its arguments, gives the status, and is the only one loaded', async () => {
  const { surroundings, printed } = stage();
  assert.equal(await dispatch(['doctor', 'a', '--b', 'c'], surroundings), 3);
  assert.deepEqual(printed, { out: '', error: '', loaded: ['doctor'] });
});

test('--help, -h, help and nothing list the commands there are, with their summaries', async () => {
  for (const args of [['--help'], ['-h'], ['help'], []]) {
    const { surroundings, printed } = stage();
    assert.equal(await dispatch(args, surroundings), 0);
    assert.match(printed.out, /serve +serves a directory\n +doctor +examines the host/);
    assert.doesNotMatch(printed.out, /calibrate/);
    assert.equal(printed.error, '');
    assert.deepEqual(printed.loaded, [], 'nothing is loaded to print help');
  }
});

test('help COMMAND asks the command', async () => {
  const asked: string[][] = [];
  const { surroundings } = stage({
    run: async (args) => {
      asked.push(args);
      return 0;
    },
  });
  assert.equal(await dispatch(['help', 'serve'], surroundings), 0);
  assert.deepEqual(asked, [['--help']]);
});

test('an unknown command is one sentence on stderr with the nearest name, status 2', async () => {
  const expectations: [string[], string][] = [
    [['srve'], 'clearway: there is no command "srve": did you mean clearway serve?\n'],
    [['sevre', 'x'], 'clearway: there is no command "sevre": did you mean clearway serve?\n'],
    [['doc'], 'clearway: there is no command "doc": did you mean clearway doctor?\n'],
    [['frobnicate'], 'clearway: there is no command "frobnicate": see clearway --help\n'],
    [[''], 'clearway: there is no command "": see clearway --help\n'],
    [['--verison'], 'clearway: there is no option "--verison": did you mean clearway --version?\n'],
    [['toString'], 'clearway: there is no command "toString": see clearway --help\n'],
    [['../index'], 'clearway: there is no command "../index": see clearway --help\n'],
  ];
  for (const [args, sentence] of expectations) {
    const { surroundings, printed } = stage();
    assert.equal(await dispatch(args, surroundings), 2);
    assert.equal(printed.error, sentence);
    assert.equal(printed.out, '');
  }
});

test('errors of a command: usage 2, foreseen 1 in one line, unforeseen 1 with the stack', async () => {
  const failing = async (error: unknown) => {
    const { surroundings, printed } = stage({
      run: async () => {
        throw error;
      },
    });
    return { status: await dispatch(['serve'], surroundings), error: printed.error };
  };
  assert.deepEqual(await failing(new UsageError('--port must be a number')), {
    status: 2,
    error: 'clearway serve: --port must be a number\n',
  });
  const parse = Object.assign(new TypeError("Unknown option '--prot'"), { code: 'ERR_PARSE_ARGS_UNKNOWN_OPTION' });
  assert.deepEqual(await failing(parse), { status: 2, error: "clearway serve: Unknown option '--prot'\n" });
  const taken = Object.assign(new Error('bind: address already in use (EADDRINUSE)'), { code: 'EADDRINUSE' });
  assert.deepEqual(await failing(taken), {
    status: 1,
    error: 'clearway serve: bind: address already in use (EADDRINUSE)\n',
  });
  const bug = await failing(new Error('undefined is not a function'));
  assert.equal(bug.status, 1);
  assert.match(bug.error, /undefined is not a function\n +at /);
});

test('the executable prints its version, lists doctor, and refuses the unknown', () => {
  const main = fileURLToPath(new URL('../main.js', import.meta.url));
  const run = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
  assert.equal(run('--version').stdout, `${packageVersion()}\n`);
  assert.match(run('--help').stdout, /Usage: clearway <command>/);
  const unknown = run('docter');
  assert.equal(unknown.status, 2);
  assert.equal(unknown.stderr, 'clearway: there is no command "docter": did you mean clearway doctor?\n');
  assert.equal(unknown.stdout, '');
});

/** The package's own modules that a command line loads, as paths beneath dist/src/, sorted: Node's coverage names every script that ran. */
function modulesLoaded(...args: string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-loaded-'));
  try {
    const main = fileURLToPath(new URL('../main.js', import.meta.url));
    const outcome = spawnSync(process.execPath, [main, ...args], {
      env: { ...process.env, NODE_V8_COVERAGE: folder },
      encoding: 'utf8',
    });
    assert.equal(outcome.status, 0, outcome.stderr);
    const sources = new URL('../../', import.meta.url).href;
    const scripts = readdirSync(folder).flatMap(
      (name) => (JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: { url: string }[] }).result,
    );
    const loaded = scripts.filter(({ url }) => url.startsWith(sources)).map(({ url }) => url.slice(sources.length));
    return loaded.sort();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('help and version load no command; the help of serve loads no server', () => {
  for (const option of ['--help', '--version']) {
    const beyond = modulesLoaded(option).filter((path) => !/^cli\/(main|commands|kit\/[\w-]+)\.js$/.test(path));
    assert.deepEqual(beyond, ['kernel/proc.js', 'text/columns.js', 'text/plain-text.js', 'text/wrap.js'], option);
  }
  const loaded = modulesLoaded('serve', '--help');
  assert.ok(loaded.includes('cli/serve.js'));
  assert.deepEqual(
    loaded.filter((path) => !/^cli\//.test(path)),
    ['kernel/proc.js', 'text/columns.js', 'text/file-trouble.js', 'text/plain-text.js', 'text/wrap.js'],
  );
});

test('a name with characters that move the cursor is quoted without them, and the sentence is whole', async () => {
  const { surroundings, printed } = stage({
    run: async () => {
      throw new UsageError('cannot read a\n\u001b[31mb: it is a directory');
    },
  });
  assert.equal(await dispatch(['serve'], surroundings), 2);
  assert.equal(printed.error, 'clearway serve: cannot read a??[31mb: it is a directory\n');
  for (const [message, end] of [
    ['cannot read \ufffd.mp4: there is no such file or directory', '; its name is no UTF-8: rename it'],
    ['there is no directory \ufffd: name one', '; its name is no UTF-8: rename it'],
    ['--port is "\ufffd", and must be a whole number', ''],
  ] as const) {
    const { surroundings: others, printed: told } = stage({ run: () => Promise.reject(new UsageError(message)) });
    assert.equal(await dispatch(['serve'], others), 2);
    assert.equal(told.error, `clearway serve: ${message}${end}\n`);
  }
});

test('standard output on a full disk is one sentence, status 1', {
  skip: !existsSync('/dev/full') && 'no /dev/full',
}, () => {
  const main = fileURLToPath(new URL('../main.js', import.meta.url));
  const full = openSync('/dev/full', 'w');
  const outcome = spawnSync(process.execPath, [main, '--version'], {
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  });
  closeSync(full);
  assert.equal(outcome.status, 1);
  assert.match(outcome.stderr, /^clearway: standard output cannot be written: ENOSPC[^\n]*\n$/);
});
