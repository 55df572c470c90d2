// The stack, and with it what its lower half offers to TCP, as a module of its own: for the tests, which hold each side of the seam by itself.

export { sourceFor } from '../addresses';
export { forgetEvents, postEvent } from '../events';
export {
  frameForSegment,
  framesFree,
  holdFrame,
  lendFrame,
  reclaimFrame,
  releaseFrame,
  unholdFrame,
} from '../frames';
export { ipOutput, segmentRoom } from '../ip/output';
export { pathMtu } from '../ip/paths';
export * from './stack';
