// The libraries of sound by the names that the dynamic linker knows, the newest first. Names only: the doctor asks for them without loading what uses them.
// Not here: what is called in them (sinks/libasound.ts, sinks/jack-library.ts, sources/flac-library.ts, sources/sndfile-library.ts).

/** For each library its sonames, for `openLibrary`. The stream decoders of libFLAC's are used alike. */
export const sonames = {
  libasound: ['libasound.so.2'],
  libjack: ['libjack.so.0'],
  libFLAC: ['libFLAC.so.14', 'libFLAC.so.12', 'libFLAC.so.8'],
  libsndfile: ['libsndfile.so.1'],
} as const;
