// The measured journey as a library: what `clearway/journey` exports. See docs/journey.md.

export { RefusedError } from '../bpf/refusals.js';
export type { StageSummary } from './collector.js';
export { ConnectionFilterError } from './connection-filter.js';
export { pcapngBlocks } from './export/pcapng.js';
export { type Trace, type TraceEvent, traceOf } from './export/trace-export.js';
export type { Journey, Outcome, Party, PathPoint, Stage } from './path.js';
export { type Point, type PointName, pointNames, points } from './points.js';
export type { Flow, Stamp } from './record.js';
export { type JourneyOptions, type JourneyReading, type JourneyTracer, traceJourneys } from './tracer.js';
