// Express, and what is built like it, gives each request and response another prototype. V8 before version 13 (Node 20
// and 22) then makes a hidden class for every single object as soon as a property is added to it, so that no inline cache
// ever knows it: each access to a property, in Node's own code too, is a look-up in the runtime of up to a microsecond. An
// object that has once lost a property keeps a table of them, and all such objects of one prototype share a hidden class
// again. That costs 3 us and takes a fifth to a third of a request's CPU away.
//
// Not here: any meaning. The property that is taken away is put back as it was, at once; where that could not be, or where
// nothing would be gained, nothing is done.

import { IncomingMessage, ServerResponse } from 'node:http';

const [engineVersion = '0'] = (process.versions.v8 ?? '').split('.');
/** True on an engine that has the weakness. */
export const shapesAreLost = Number(engineVersion) > 0 && Number(engineVersion) < 13;

/** Makes a request and its response share hidden classes with those before them, if a framework took that away. */
export function shareShapes(request: IncomingMessage, response: ServerResponse): void {
  if (!shapesAreLost) return;
  if (wasGivenPrototype(response, ServerResponse.prototype)) becomeTable(response, 'sendDate');
  if (wasGivenPrototype(request, IncomingMessage.prototype)) becomeTable(request, 'httpVersion');
}

/** What is known of prototypes: an application has one or two. */
const given = new WeakMap<object, boolean>();

/** True for an object made with one prototype that has another now. A class of the application's own has a constructor. */
function wasGivenPrototype(object: object, original: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(object);
  if (prototype === original || prototype === null) return false;
  let answer = given.get(prototype);
  if (answer === undefined) {
    answer = !Object.hasOwn(prototype, 'constructor');
    given.set(prototype, answer);
  }
  return answer;
}

function becomeTable(object: object, name: string): void {
  const property = Object.getOwnPropertyDescriptor(object, name);
  if (property?.configurable !== true || !Object.isExtensible(object)) return;
  if (Reflect.deleteProperty(object, name)) Object.defineProperty(object, name, property);
}
