// An answer that has to wait: for a file that is fetched, for tables that are read. Its connection is parked: it takes no further
// request, and goes on when what it waits for calls back. A client that leaves meanwhile ends nothing but its own answer.
// Not here: what is waited for.

import type { Exchange } from './exchange.js';

/** Something to wait for: calls back once, later, never from within this call. */
export type Until = (done: () => void) => void;

/** One attempt at an answer: it was queued, or this has to be waited for first. Anything may have changed since the last attempt. */
export type Attempt = () => Until | undefined;

/** See the file's head. Stands for what the connection waits for, in {@link HttpState.awaited}. */
class Waiting {
  readonly #exchange: Exchange;
  readonly #attempt: Attempt;
  readonly #failed: (exchange: Exchange, error: Error) => void;

  constructor(exchange: Exchange, attempt: Attempt, failed: (exchange: Exchange, error: Error) => void) {
    this.#exchange = exchange;
    this.#attempt = attempt;
    this.#failed = failed;
  }

  /** Parks the connection. */
  begin(until: Until): void {
    const { connection } = this.#exchange;
    until(this.#again);
    connection.state.awaited = this;
    connection.busy = true;
  }

  readonly #again = (): void => {
    const { connection } = this.#exchange;
    // The client may have left, and the connection be another's.
    if (connection.state.awaited !== this || connection.closing) return;
    try {
      const until = this.#attempt();
      if (until !== undefined) {
        until(this.#again);
        return;
      }
    } catch (error) {
      // What goes wrong is this answer's end, and nobody else's.
      this.#failed(this.#exchange, error as Error);
    }
    connection.state.awaited = undefined;
    connection.busy = false;
    connection.flush();
  };
}

/**
 * Attempts an answer until it is queued, at once if it can be.
 * @param failed is told of what an attempt threw, from the second on; the first one's is the caller's.
 */
export function answerWhenReady(
  exchange: Exchange,
  attempt: Attempt,
  failed: (exchange: Exchange, error: Error) => void,
): void {
  const until = attempt();
  if (until !== undefined) new Waiting(exchange, attempt, failed).begin(until);
}
