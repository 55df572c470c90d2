// Whether it is looked at in whose hands a frame is. It is, in everything that is built: `npm run bench:bypass -- guard` alone compiles a copy of this folder that does
// not, to say what looking costs.

/** See the file's head. */
export const guarded: bool = true;
