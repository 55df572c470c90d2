// What is beneath a file (/film.mp4/master.m3u8), and what takes the place of a file (/film.mp4?start=60): the interface of whoever
// answers for it. The server finds the file under its own rules (dotfiles, links, changes), and sends the answer as it sends files.
// Not here: asking (beneath-answers.ts), finding (claimed-files.ts), and what answers: that is above this layer.

import type { Loop } from '../transport/loop.js';
import type { Representation } from './representation.js';
import type { Resource } from './resource.js';
import type { Site } from './site.js';
import type { Until } from './waiting.js';

/** What a handler is asked for. It is asked anew after it waited: anything may be another by then. */
export interface Question {
  /** The path that was asked for, beneath the root, without the slash at its end. */
  readonly path: string;
  /** The file, as it is now. Whoever needs it after the call retains `source.file`, and must not take `source` for current. */
  readonly source: Representation;
  /** The path beneath the file: empty for the file's own with a slash behind it; undefined: the file itself is asked for. */
  readonly rest: string | undefined;
  /** What is behind the question mark, as the request carried it. */
  readonly query: string;
  /** Fields of the request. What is chosen by them says so in its `Vary`. */
  readonly accept: string | undefined;
  readonly acceptEncoding: string | undefined;
}

/** Answers with a resource. */
export interface ResourceAnswer {
  readonly kind: 'resource';
  readonly resource: Resource;
  /** Another coding might have been chosen: it is sent with `Vary: Accept-Encoding`. */
  readonly varies?: boolean;
  /**
   * A small resource, or one that is a head and ranges of its source, may be kept, and answered from memory until anything changes in its source's folder, or to one of these files: what
   * it was made of beside its source. Left out for what is not to be kept: where fields of the request or a query chose it.
   */
  readonly members?: readonly Representation[];
  /** It is kept only when it is asked for again soon: there are many of its kind. */
  readonly isOneOfMany?: boolean;
}

/** Says why there is nothing, in one sentence, which is shown. */
export interface RefusalAnswer {
  readonly kind: 'refusal';
  readonly status: 404 | 410 | 413 | 422 | 500 | 503;
  readonly sentence: string;
  /** Of a 503. Default 1. */
  readonly retryAfterSeconds?: number;
}

/** It cannot be said yet: the request waits, and is asked again. */
export interface WaitAnswer {
  readonly kind: 'wait';
  readonly until: Until;
}

/**
 * Not the handler's: the file is sent as it is, and beneath it nothing is there. Said of a file itself without a query, it holds
 * as long as the file stays the same.
 */
export interface NotMine {
  readonly kind: 'file';
}

/** What a handler says. */
export type HandlerAnswer = ResourceAnswer | RefusalAnswer | WaitAnswer | NotMine;

/** See the file's head. One for each worker. */
export interface BeneathHandler {
  /** Never blocks. What it throws is the answer's end: 500. */
  answer(question: Question): HandlerAnswer;
  /** What a listing says of a file that it answers for, in a few words; undefined as long as nothing is known. Never blocks. */
  noteOf(path: string): string | undefined;
  /** What it keeps of the files that it answers for, for the metrics. */
  readonly kept: { readonly files: number; readonly bytes: number };
  /** Lets go of everything: nothing is answered any more. */
  close(): void;
  /** Gives the memory back that answers were sent from; only after the loop was closed. */
  unmap(): void;
}

/** What a handler stands on. */
export interface BeneathHost {
  readonly loop: Loop;
  readonly site: Site;
  /** Tells the operator, in a sentence. */
  readonly warn: (message: string) => void;
  /** Responses of this worker so far. */
  readonly answers: () => number;
}

/** Bytes of memory that all workers of a server have, zeros at first: for what its extension counts. */
export const sharedBytes = 64 * 1024;

/** What a server is extended by. */
export interface BeneathExtension {
  /** Whether what is beneath a file of this path, and the file itself, is to be asked about: by the name's end, which may be given alone. */
  claims(path: string): boolean;
  /** Makes a worker's handler. */
  open(host: BeneathHost): BeneathHandler;
}
