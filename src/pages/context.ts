// What a slot is told of the request that it is filled for. Everything that costs is made when it is asked for.
// Not here: where the request came from (server.ts, node-response.ts).

/** Where a request's method, target and fields come from. */
export interface RequestSource {
  readonly method: string;
  /** The request-target: path and query as received. */
  readonly url: string;
  /** A field's value by its name in lower case. */
  header(name: string): string | undefined;
}

/** Given to each slot. `Data` is what the application passes on with the request. */
export class PageContext<Data = unknown> {
  /** Whatever the application gave with the request. */
  readonly data: Data;
  readonly #source: RequestSource;
  #controller: AbortController | undefined;
  #cancelled: unknown;
  #query: URLSearchParams | undefined;

  constructor(source: RequestSource, data: Data) {
    this.#source = source;
    this.data = data;
  }

  /** The request's method. */
  get method(): string {
    return this.#source.method;
  }

  /** The request-target: path and query as received. */
  get url(): string {
    return this.#source.url;
  }

  /** The path as received, not decoded. */
  get path(): string {
    const end = this.url.indexOf('?');
    return end < 0 ? this.url : this.url.slice(0, end);
  }

  /** The query's parameters. */
  get query(): URLSearchParams {
    if (this.#query === undefined) {
      const start = this.url.indexOf('?');
      this.#query = new URLSearchParams(start < 0 ? '' : this.url.slice(start + 1));
    }
    return this.#query;
  }

  /** A request field by name; several lines joined by commas. */
  header(name: string): string | undefined {
    return this.#source.header(name.toLowerCase());
  }

  /** Aborted when the client leaves, or when the page cannot be completed any more. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#cancelled !== undefined) this.#controller.abort(this.#cancelled);
    }
    return this.#controller.signal;
  }

  /** Aborts {@link signal}. */
  cancel(reason: unknown): void {
    this.#cancelled = reason;
    this.#controller?.abort(reason);
  }
}
