// `npm start [-- [DIR] [options]]`: from a fresh clone to a running server in one command; without DIR it serves examples/site. The server runs
// as a child of this process: signals reach it, and its end is this command's end.
import { join } from 'node:path';
import { become, build, install, root } from './run.mjs';

install();
build();
// The server keeps the directory from which npm was called, so that a relative path means what it says there.
process.chdir(process.env.INIT_CWD ?? '.');
const given = process.argv.slice(2);
// Which words belong to options is known to the command.
const { namesDirectory } = await import('../dist/src/cli/serve.js');
const directory = namesDirectory(given) ? [] : [join(root, 'examples/site')];
become(process.execPath, [join(root, 'dist/bundle/main.js'), 'serve', ...directory, ...given], { cwd: process.cwd() });
