// What the interfaces of ALSA refuse, as sinks refuse it. Not here: the sentences themselves (alsa/sound-error.ts, libasound.ts).

import { SoundError } from '../../alsa/sound-error.js';
import { type Sink, SinkError } from './sink.js';

/** Does a sink's work; what is refused has the sink give everything back, and is a {@link SinkError}. @throws SinkError */
export function inSinkWords<T>(sink: Sink, work: () => T): T {
  try {
    return work();
  } catch (error) {
    sink.close();
    if (error instanceof SoundError) throw new SinkError(error.message, error.trouble === 'gone' ? 'gone' : 'device');
    throw error;
  }
}
