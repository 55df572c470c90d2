// What is said where there is no resource: in one sentence that begins with the file's name. Not here: when (handler.ts, progressive.ts).

import type { HandlerAnswer, RefusalAnswer } from '../../serve/beneath.js';
import type { Representation } from '../../serve/representation.js';
import type { Resource } from '../../serve/resource.js';
import type { FilmRefusal } from '../film.js';
import { cleanLine } from '../playlists/text.js';
import type { NotNow } from './known-files.js';
import { nameOf } from './titles.js';

/** Answers with a resource that is not kept. */
export const resource = (what: Resource): HandlerAnswer => ({ kind: 'resource', resource: what });

/** A refusal in words: one line, whatever the film's file is called. */
export function refusal(status: RefusalAnswer['status'], sentence: string): RefusalAnswer {
  return { kind: 'refusal', status, sentence: cleanLine(sentence) };
}

/** A part that a film does not have so many of. */
export function noSuch(source: Representation, number: number): RefusalAnswer {
  return refusal(404, `${nameOf(source.sourcePath)} has no part ${number} of this kind: load its playlist again`);
}

/** The address has the version of another film. */
export function replaced(name: string): RefusalAnswer {
  return refusal(410, `${name} was replaced: load its playlist again`);
}

/** A refusal of a file. */
export function refused({ status, message }: FilmRefusal, name: string): RefusalAnswer {
  const known = [404, 410, 413, 422, 503] as const;
  return refusal(known.find((each) => each === status) ?? 422, `${name} ${message}`);
}

/** What is not known now. */
export function notNow(found: NotNow, source: Representation): HandlerAnswer {
  if ('until' in found) return { kind: 'wait', until: found.until };
  return refused(found.refusal, nameOf(source.sourcePath));
}
