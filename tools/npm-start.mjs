// `npm start [-- DIR [options]]`: from a fresh clone to a running server in one command.
import { build, install, root, run } from './run.mjs';

install();
build();
const given = process.argv.slice(2);
const directory = given.length > 0 && !given[0].startsWith('-') ? [] : [`${root}examples/site`];
run(process.execPath, [`${root}dist/src/cli/main.js`, 'serve', ...directory, ...given]);
