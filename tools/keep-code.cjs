// Loaded before the bundled server (`node --require`) while the bundle is built: writes down the code that V8 has made of each of
// the bundle's files when its thread ends, for tools/cached-code.cjs. Not here: what the server is made to run (bundle.mjs).

'use strict';

const { writeFileSync } = require('node:fs');
const vm = require('node:vm');

const ending = /\.code\.js$/;

vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options);
    const { filename } = options ?? {};
    if (!ending.test(filename ?? '')) return;
    process.once('exit', () => writeFileSync(filename.replace(ending, '.code.cache'), this.createCachedData()));
  }
};
