// The tables of films as a module of their own (src/media/table-core.ts).

export { heapBase } from '../arena';
export { cutEnd, cutGrid, cutPoints, cutSound } from '../film-cut';
export { largestRate, listPictures, measureSegments } from '../film-segments';
export { largest, narrowWords, partLongs, placeSamples, spreadRuns, swapWords, taken, takeRuns } from '../film-tables';
