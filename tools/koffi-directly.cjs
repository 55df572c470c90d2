// The FFI library as the bundle loads it: its native part alone, from where npm puts it. What koffi's own JavaScript does first (a look
// at Node's executable for its libc, Node's loader of modules for createRequire) costs every thread more than all that is called of it.
// tools/bundle.mjs puts it in koffi's place. Whatever is not as it was when the bundle was built is left to koffi.

'use strict';

const { existsSync } = require('node:fs');
const { dirname, join } = require('node:path');

function native(version) {
  const { arch, platform } = process;
  // A host with musl may need the other of two files, and koffi finds out.
  if (platform !== 'linux' || existsSync(`/lib/ld-musl-${arch === 'x64' ? 'x86_64' : 'aarch64'}.so.1`))
    return undefined;
  const file = `node_modules/@koromix/koffi-linux-${arch}/linux_${arch}/koffi.node`;
  for (let folder = __dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, file))) {
      const found = require(join(folder, file));
      return found.version === version ? found : undefined;
    }
    if (folder === dirname(folder)) return undefined;
  }
}

/** @returns koffi's functions, or undefined where its native part is elsewhere, of another version, or does not load: koffi says why. */
exports.load = (version) => {
  try {
    return native(version);
  } catch {
    return undefined;
  }
};
