// Runs a file of the bundle with the code that V8 made of it when the bundle was built (tools/keep-code.cjs): a start then neither
// parses it nor compiles what every start runs. V8 itself refuses code of another version or other flags; the text is compiled then.
// Of the text it compares the length alone: the build writes text and code together, and whoever edits the text removes the code.
// Not here: making that code. It is copied into the bundle, and CommonJS because it is what loads CommonJS there.

'use strict';

const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

function codeOf(path) {
  try {
    return readFileSync(path);
  } catch {
    // The bundle was built where the server cannot run.
    return undefined;
  }
}

/** Runs `NAME.code.js` beside this file as the module that asks for it. */
exports.runCached = (name, module, require) => {
  const filename = join(__dirname, `${name}.code.js`);
  // esbuild writes ASCII: as one byte a character it is half as large in V8.
  const source = readFileSync(filename, 'latin1');
  const script = new Script(source, { filename, cachedData: codeOf(join(__dirname, `${name}.code.cache`)) });
  script.runInThisContext()(module.exports, require, module, filename, __dirname);
};
