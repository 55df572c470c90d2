// The package's front door: what `import ... from 'clearway'` gives.

export { SystemError, UnsupportedError } from './kernel/system-error.js';
