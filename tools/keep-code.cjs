// Loaded before the bundled server (`node --require`) while the bundle is built: writes down the code that V8 has made of each of
// the bundle's files when its thread ends, for tools/cached-code.cjs. Not here: what the server is made to run (bundle.mjs).

'use strict';

const { writeFileSync } = require('node:fs');
const { basename, dirname, join } = require('node:path');
const vm = require('node:vm');
const { cacheName } = require('./cached-code.cjs');

const ending = /\.code\.js$/;

vm.Script = class extends vm.Script {
  constructor(source, options) {
    const { filename } = options ?? {};
    const isKept = ending.test(filename ?? '');
    // The code remembers where it was: it is to say where it will be.
    super(source, isKept ? { ...options, filename: join(process.env.CLEARWAY_BUNDLE, basename(filename)) } : options);
    if (!isKept) return;
    const cache = join(dirname(filename), cacheName(basename(filename).replace(ending, '')));
    process.once('exit', () => writeFileSync(cache, this.createCachedData()));
  }
};
