// The program that a document with server-side includes or edge-side includes compiles to. Ranges are offsets into the
// document's bytes. Not here: how it is read (parse-ssi.ts, parse-esi.ts) and what comes of it (serve/ssi/).

/** How `echo` writes a value: `&lt;` for <, %3C for <, or as it is. */
export type SsiEncoding = 'entity' | 'url' | 'none';

/** A branch of `if`: the first whose condition holds is taken; `else` has none. */
export interface SsiBranch {
  readonly condition: string | undefined;
  readonly nodes: readonly SsiNode[];
}

/** One step of a program. */
export type SsiNode =
  | { readonly kind: 'text'; readonly start: number; readonly end: number }
  | { readonly kind: 'echo'; readonly name: string; readonly fallback: string; readonly encoding: SsiEncoding }
  | { readonly kind: 'set'; readonly name: string; readonly value: string }
  | {
      readonly kind: 'include';
      readonly target: string;
      /** Where the result goes instead of the page. */
      readonly set: string | undefined;
      /** The block that stands in for an empty or failed result. */
      readonly stub: string | undefined;
    }
  | {
      readonly kind: 'esi';
      readonly src: string;
      readonly alt: string | undefined;
      /** A failure leaves nothing behind instead of failing the page. */
      readonly continues: boolean;
    }
  | { readonly kind: 'config'; readonly errmsg: string | undefined; readonly timefmt: string | undefined }
  | { readonly kind: 'if'; readonly branches: readonly SsiBranch[] }
  /** Defines a block for `stub`. */
  | { readonly kind: 'block'; readonly name: string; readonly nodes: readonly SsiNode[] }
  /** A directive that cannot be: the error message stands in its place. */
  | { readonly kind: 'error'; readonly reason: string };

/** Bounds of a document; beyond them a directive is an error. */
export const ssiLimits = {
  /** Characters of a parameter's value. */
  valueLength: 1024,
  parameters: 16,
  /** Depth of `if` and `block` within one another. */
  nesting: 16,
  directives: 10_000,
} as const;
