// The samples at which a segment may begin: sync samples, and where a track has one at most, those of its random access group (open
// groups of pictures). Not here: which of them are taken (cut.ts).

import type { FilmTrack } from '../film.js';
import { lastAtMost } from '../rising.js';

/** The last sample that is `sample` or before it at which a segment may begin; 0 when there is none. */
export function cutSampleAtOrBefore({ samples, randomAccess }: FilmTrack, sample: number): number {
  const sync = Math.max(0, samples.syncAtOrBefore(sample));
  if (randomAccess === undefined) return sync;
  const index = lastAtMost(randomAccess, sample);
  return index < 0 ? sync : Math.max(sync, randomAccess[index]!);
}
