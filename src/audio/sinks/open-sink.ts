// Makes the sink that a name means. Each is loaded only where it is wanted: a card by the kernel's interface needs no library of ALSA's.

import type { PumpClock } from '../pump/clock.js';
import type { Sink } from './sink.js';
import type { SinkName } from './sink-name.js';

/** Loads a sink; it is not open yet. */
export async function loadSink(name: SinkName, clock: PumpClock): Promise<Sink> {
  switch (name.kind) {
    case 'null':
      return new (await import('./null-sink.js')).NullSink(clock, name.isPaced);
    case 'file':
      return new (await import('./file-sink.js')).FileSink(clock, name.path, name.isRaw);
    case 'alsa-kernel': {
      const { card, device, subdevice } = name;
      const wanted = { card, device, subdevice: subdevice < 0 ? undefined : subdevice };
      return new (await import('./alsa-kernel.js')).KernelAlsaSink(clock, wanted);
    }
    case 'alsa-library':
      return new (await import('./alsa-library.js')).LibraryAlsaSink(clock, name.name);
    case 'jack':
      return new (await import('./jack-sink.js')).JackSink(clock);
  }
}
