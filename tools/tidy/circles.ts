// Circles of imports: files of src/ that need one another, types included. Two files that cannot be read one after the other
// are one subject, or a third below both is missing. Not here: which folder may import which (layers.ts).

import type { Project, SourceFile, Violation } from './project.js';

/** A circle: its files in the order of their paths, and the line in the first that leads to another of them. */
export interface Circle {
  readonly files: readonly string[];
  readonly line: number;
}

/** The name of a circle in ratchet.json: its files' paths, joined by ` <-> `. */
export function circleName({ files }: Circle): string {
  return files.join(' <-> ');
}

/** Every circle of the project's src/: sets of files, each of which reaches all others of its set (Tarjan's components). */
export function findCircles(project: Project): Circle[] {
  const graph = new Map<string, SourceFile>();
  for (const source of project.sources) if (source.path.startsWith('src/')) graph.set(source.path, source);
  return components(graph)
    .filter((files) => files.length > 1 || importsOf(graph, files[0]!).includes(files[0]!))
    .map((files) => {
      const sorted = [...files].sort();
      const first = graph.get(sorted[0]!)!;
      const leading = first.imports.find(
        ({ file, form }) => form !== 'url' && file !== undefined && files.includes(file),
      );
      return { files: sorted, line: leading?.line ?? 1 };
    })
    .sort((a, b) => (a.files[0]! < b.files[0]! ? -1 : 1));
}

/** Circles that ratchet.json does not list with as many files. */
export function checkCircles(circles: readonly Circle[], listed: Readonly<Record<string, number>>): Violation[] {
  return circles.flatMap((circle) => {
    if (circle.files.length <= (listed[circleName(circle)] ?? 0)) return [];
    const [first, ...others] = circle.files;
    const message = `imports itself, through ${others.join(', ') || 'its own path'}: move what both need to a file below`;
    return [{ file: first!, line: circle.line, rule: 'circles', message }];
  });
}

function importsOf(graph: ReadonlyMap<string, SourceFile>, path: string): string[] {
  return graph.get(path)!.imports.flatMap(({ file, form }) => {
    return form !== 'url' && file !== undefined && graph.has(file) ? [file] : [];
  });
}

interface Visit {
  readonly path: string;
  readonly next: Iterator<string>;
  readonly index: number;
  low: number;
}

/** Strongly connected components, by Tarjan's algorithm with a stack of its own: a chain of imports may be long. */
function components(graph: ReadonlyMap<string, SourceFile>): string[][] {
  const found: string[][] = [];
  const visits = new Map<string, Visit>();
  const open: string[] = [];
  const isOpen = new Set<string>();
  const path: Visit[] = [];
  const enter = (file: string): void => {
    const visit = { path: file, next: importsOf(graph, file).values(), index: visits.size, low: visits.size };
    visits.set(file, visit);
    open.push(file);
    isOpen.add(file);
    path.push(visit);
  };
  for (const root of graph.keys()) {
    if (!visits.has(root)) enter(root);
    for (let visit = path.at(-1); visit !== undefined; visit = path.at(-1)) {
      const { value, done } = visit.next.next();
      if (done !== true) {
        const known = visits.get(value);
        if (known === undefined) enter(value);
        else if (isOpen.has(value)) visit.low = Math.min(visit.low, known.index);
        continue;
      }
      path.pop();
      const parent = path.at(-1);
      if (parent !== undefined) parent.low = Math.min(parent.low, visit.low);
      if (visit.low !== visit.index) continue;
      const files = open.splice(open.indexOf(visit.path));
      for (const file of files) isOpen.delete(file);
      found.push(files);
    }
  }
  return found;
}
