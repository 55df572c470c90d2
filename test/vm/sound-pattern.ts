// What is played in the guests: frames of which none is silence and each is told from its neighbours. Host and guest make the same.

/** How many: 2.5 s at 48 kHz. */
export const soundFrames = 120_000;

let pattern: Uint8Array | undefined;

/** S16, stereo, little endian. */
export function soundPattern(): Uint8Array {
  if (pattern !== undefined) return pattern;
  const bytes = new Uint8Array(soundFrames * 4);
  const data = new DataView(bytes.buffer);
  for (let frame = 0; frame < soundFrames; frame++) {
    // A counter in 17 bits over both channels, whose lowest bits keep each channel from being 0.
    data.setUint16(frame * 4, ((frame & 0x7fff) << 1) | 1, true);
    data.setUint16(frame * 4 + 2, (((frame >>> 15) << 9) | ((frame * 37) & 0x1fe) | 1) & 0xffff, true);
  }
  pattern = bytes;
  return bytes;
}
