// A body on its way into a response: which path it takes is decided here. Not here: what it is made of and how it ended
// (outcome.ts); the paths themselves are direct-body.ts (sendfile) and stream-body.ts (everywhere else).

import type { ServerResponse } from 'node:http';
import { DirectBody } from './direct-body.js';
import { isGone, isPlainResponse } from './node-socket.js';
import type { Body, Outcome, Way } from './outcome.js';
import { nodeRuntime } from './runtime.js';
import { streamBody } from './stream-body.js';

/**
 * Sends a body after the head, which is complete but not flushed, and ends the response. The file is kept open until
 * then. @param direct false to keep to streams.
 */
export function sendBody(body: Body, direct: boolean): void {
  const { response, file, parts, ended, streamed } = body;
  // The client left before there was an answer, while the application waited for something: nobody would say so again.
  if (isGone(response)) {
    ended?.('none', 'aborted');
    return;
  }
  if (streamed !== undefined) {
    streamBody(body);
    return;
  }
  const only = parts.length === 1 ? parts[0]! : undefined;
  if (typeof only === 'object') {
    const content = file.content();
    if (content !== undefined) {
      if (ended !== undefined) watchEnd(response, ended);
      const whole = only.length === content.length;
      response.end(whole ? content : content.subarray(only.start, only.start + only.length));
      return;
    }
  }
  const { shared } = nodeRuntime();
  if (direct && shared !== undefined && file.source !== undefined && isPlainResponse(response)) {
    new DirectBody(shared, body, file.source).begin();
  } else {
    streamBody(body);
  }
}

function watchEnd(response: ServerResponse, ended: (way: Way, outcome: Outcome) => void): void {
  let done = false;
  const end = (outcome: Outcome): void => {
    if (done) return;
    done = true;
    ended('inline', outcome);
  };
  response.once('finish', () => end('sent'));
  response.once('close', () => end(response.writableFinished ? 'sent' : 'aborted'));
}
