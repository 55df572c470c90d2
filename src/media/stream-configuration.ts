// What is coded how, where a film's header does not say it so that it can be read: out of the first sample. Not here: the sequence header
// (wire/iso-bmff/av1-sequence.ts).

import { av1Configuration } from '../wire/iso-bmff/av1-sequence.js';
import { parseSampleEntry } from '../wire/iso-bmff/sample-entry.js';
import type { SampleEntry } from './film.js';
import { TableError } from './growing.js';
import { bytesAt, type Reading } from './reading.js';
import type { SampleTable } from './samples.js';

/** More bytes than a sequence header is long, with what stands in front of it. */
const mostHeaderBytes = 512;

/**
 * The sample descriptions of a track, those without a codec string completed: GStreamer up to 1.22 writes AV1 without a configuration.
 * @throws TableError where the stream does not say it either
 */
export function* completed(entries: readonly SampleEntry[], samples: SampleTable): Reading<readonly SampleEntry[]> {
  if (entries.every(({ codec }) => codec !== '')) return entries;
  const complete = [...entries];
  for (let sample = 0; sample < samples.count; sample = samples.descriptionEnd(sample)) {
    const at = samples.description(sample);
    const entry = complete[at]!;
    // There may be as many changes of description as samples.
    yield undefined;
    if (entry.codec !== '') continue;
    const view = yield* bytesAt(samples.offset(sample), Math.min(samples.size(sample), mostHeaderBytes));
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    const configuration = av1Configuration(bytes);
    const parsed = configuration && parseSampleEntry(entry.box, 'video', configuration);
    if (parsed === undefined || 'refused' in parsed) {
      throw new TableError(`has no configuration of ${entry.format} that can be read`);
    }
    const { strings, ...facts } = parsed;
    complete[at] = { ...facts, codec: strings.hls, dashCodec: strings.dash };
  }
  return complete;
}
