// Sizes and rates of pictures as playlists state them: what is shown (turned as the film's matrix says) and what is coded.

import type { OfferedEntry, OfferedTrack } from './offer.js';

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Whole pixels as the viewer sees them: a phone's film that is turned by 90 degrees is upright. */
export function shownSize(track: Pick<OfferedTrack, 'width' | 'height' | 'rotation'>): {
  width: number;
  height: number;
} {
  return turnedSize({ width: Math.round(track.width), height: Math.round(track.height) }, track.rotation);
}

/** A size when it is turned by so many degrees. */
export function turnedSize({ width, height }: Size, rotation: number): Size {
  return rotation === 90 || rotation === 270 ? { width: height, height: width } : { width, height };
}

/** The shape of a picture's pixels, and that of the picture as it is shown. */
export function shapesOf(
  track: Pick<OfferedTrack, 'width' | 'height' | 'rotation'>,
  entry: Pick<OfferedEntry, 'width' | 'height' | 'pixelShape'>,
): { readonly sar: string | undefined; readonly par: string | undefined } {
  const shown = shownSize(track);
  const coded = turnedSize(entry, track.rotation);
  const par = ratio(shown.width, shown.height);
  // Whole pixels are shown: what they are rounded from only the shape of a pixel tells.
  if (entry.pixelShape === undefined)
    return { sar: ratio(shown.width * coded.height, shown.height * coded.width), par };
  const pixel = turnedSize(entry.pixelShape, track.rotation);
  const [across, down] = [coded.width * pixel.width, coded.height * pixel.height];
  const isRounded = Math.abs((shown.height * across) / down - shown.width) <= 1;
  return { sar: ratio(pixel.width, pixel.height), par: isRounded ? ratio(across, down) : par };
}

/** A ratio in its smallest terms, `16:9`; undefined where one side is nothing. */
function ratio(one: number, other: number): string | undefined {
  if (!(one > 0 && other > 0)) return undefined;
  const divisor = greatestDivisor(one, other);
  return `${one / divisor}:${other / divisor}`;
}

function greatestDivisor(one: number, other: number): number {
  let [a, b] = [one, other];
  while (b > 0) [a, b] = [b, a % b];
  return a;
}

/** Frames a second as DASH has them: `25`, `30000/1001` for what is near to it, else thousandths. */
export function frameRateFraction(frameRate: number): string {
  const whole = Math.round(frameRate);
  if (Math.abs(frameRate - whole) < 0.0005 && whole > 0) return String(whole);
  const ntsc = Math.round((frameRate * 1001) / 1000);
  if (Math.abs((ntsc * 1000) / 1001 - frameRate) < 0.0005) return `${ntsc * 1000}/1001`;
  const thousandths = Math.max(1, Math.round(frameRate * 1000));
  const divisor = greatestDivisor(thousandths, 1000);
  return `${thousandths / divisor}/${1000 / divisor}`;
}
