// `clearway/audio`: a player with typed events. Files go from the page cache into the driver's ring by reference, from a process that is real-time where the host allows it; what happened is told.

export { type DeviceList, listDevices } from './devices.js';
export type { FedTrack } from './feeder/messages.js';
export {
  type EndEvent,
  type InjectedFaults,
  type PlayedTrack,
  Player,
  PlayerError,
  type PlayerEvents,
  type PlayerOptions,
  type PlayerState,
  type PlayPosition,
  type ReadyEvent,
  type SkippedEvent,
} from './player.js';
export type { GapEvent, SuspendedEvent, TruncatedEvent, XrunEvent } from './player-events.js';
export { PlayRecorder, type RecordedSettings } from './report/recorder.js';
export type { PlayReport } from './report/report.js';
export { reportPage } from './report/report-page.js';
export { reportText } from './report/report-text.js';
export type { SinkClock, SinkOpening } from './sinks/sink.js';
export { parseSinkName, type SinkName, SinkNameError } from './sinks/sink-name.js';
export { type DecoderState, listDecoders } from './sources/decoders.js';
export { describe, type SourceDescription } from './sources/probe.js';
export { SourceError, type SourceTags, type SourceVerdict } from './sources/source.js';
