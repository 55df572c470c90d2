// `npm run test:vm [-- SERIES...]`: from a fresh clone to the guest tests on Debian's kernels (see test/vm/main.ts).
import { build, install, root, run } from './run.mjs';

install();
build();
run(process.execPath, [`${root}dist/test/vm/main.js`, ...process.argv.slice(2)]);
