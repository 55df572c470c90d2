// The measured journey as a library: part of `clearway/meter`. See docs/measured-journey.md.

export type { StageSummary } from './collector.js';
export { ConnectionFilterError } from './connection-filter.js';
export type { Journey, Outcome, Party, PathPoint, Stage } from './path.js';
export { pcapngBlocks } from './pcapng.js';
export { type Point, type PointName, pointNames, points } from './points.js';
export type { Flow, Stamp } from './record.js';
export { type Trace, type TraceEvent, traceOf } from './trace-export.js';
export { type JourneyOptions, type JourneyReading, type JourneyTracer, traceJourneys } from './tracer.js';
