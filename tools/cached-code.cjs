// Runs a file of the bundle with the code that V8 made of it when the bundle was built (tools/keep-code.cjs): a start then neither
// parses it nor compiles what every start runs. V8 itself refuses code of another version or other flags; the text is compiled then.
// What V8 takes, and must not, is code of another processor, or of a Node that was built otherwise: it ended the process. So code has the
// executable in its name. Of the text V8 compares the length alone: the build writes text and code together, and whoever edits the text removes the code.
// Not here: making that code. It is copied into the bundle, and CommonJS because it is what loads CommonJS there.

'use strict';

const { closeSync, openSync, readSync, statSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

/** Reads a file into memory that is there, from its begin on. @returns its bytes */
function readInto(memory, path) {
  const fd = openSync(path);
  try {
    let length = 0;
    for (let read = -1; read !== 0; length += read) read = readSync(fd, memory, length, memory.length - length, null);
    return memory.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}

/** The name of the file with the code of this executable: its processor, and its size, which another build has by no chance. */
function cacheName(name) {
  return `${name}.code.${process.arch}-${statSync(process.execPath, { throwIfNoEntry: false })?.size}.cache`;
}
exports.cacheName = cacheName;

function loadScript(name) {
  const filename = join(__dirname, `${name}.code.js`);
  const cache = join(__dirname, cacheName(name));
  // Not there where the bundle was built by another Node, or on a host that cannot serve.
  const cacheBytes = statSync(cache, { throwIfNoEntry: false })?.size;
  // Both are read into the same memory, one after the other: a page that is touched first costs more than its bytes.
  const memory = Buffer.allocUnsafeSlow(Math.max(statSync(filename).size, cacheBytes ?? 0));
  // esbuild writes ASCII: as one byte a character it is half as large in V8.
  const source = readInto(memory, filename).toString('latin1');
  const cachedData = cacheBytes === undefined ? undefined : readInto(memory, cache);
  return new Script(source, { filename, cachedData });
}

/** Runs `NAME.code.js` beside this file as the module that asks for it. */
exports.runCached = (name, module, require) => {
  // Nothing that was read is held here: a serving thread does not come back from its run.
  const wrapped = loadScript(name).runInThisContext();
  wrapped(module.exports, require, module, join(__dirname, `${name}.code.js`), __dirname);
};
