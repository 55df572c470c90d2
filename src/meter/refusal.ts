// Why there is no meter, in one plain sentence: shared by every command that opens one. Opening it is meter.ts's part.

import { RefusedError } from '../bpf/refusals.js';
import { SelfTestError } from './self-test.js';

/**
 * One sentence, ending in a full stop, for what {@link createMeter} threw: what the host refuses and what to do.
 * @throws the error itself where it is no refusal.
 */
export function refusalSentence(error: unknown): string {
  if (error instanceof RefusedError) {
    const missing = error.reason === 'no-tracepoint' || error.reason === 'no-field' || error.reason === 'no-type';
    return `${missing ? `${error.subject}: ` : ''}${error.says}; ${error.remedy}.`;
  }
  if (error instanceof SelfTestError) return `${error.message}.`;
  throw error;
}
