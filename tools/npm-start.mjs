// `npm start [-- [DIR] [options]]`: from a fresh clone to a running server in one command; without DIR as the first
// argument it serves examples/site. The server runs as a child of this process: signals reach it, and its end is this
// command's end.
import { join } from 'node:path';
import { become, build, install, root } from './run.mjs';

install();
build();
const given = process.argv.slice(2);
const directory = given[0]?.startsWith('-') === false ? [] : [join(root, 'examples/site')];
// The server keeps the directory from which npm was called, so that a relative DIR means what it says there.
become(process.execPath, [join(root, 'dist/bundle/main.js'), 'serve', ...directory, ...given], {
  cwd: process.env.INIT_CWD ?? process.cwd(),
});
