// What `import ... from 'clearway/node'` gives: files into the responses of an existing Node application.

export type { FileOptions } from './file-options.js';
export { HttpError, type StatusError } from './http-error.js';
export type { Outcome, Way } from './outcome.js';
export { SendStream, send } from './send.js';
export { type SendResult, sendFile } from './send-file.js';
export { type Middleware, type ServeStaticOptions, serveStatic } from './serve-static.js';
