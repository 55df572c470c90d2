// The package's front door: what `import ... from 'clearway'` gives.

export { SystemError, UnsupportedError } from './kernel/system-error.js';
export { OptionError, type ServeOptions } from './serve/options.js';
export { createServer, type Server } from './serve/server.js';
