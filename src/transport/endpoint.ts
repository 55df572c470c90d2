// Endpoint: something that begins operations on the loop and is told of their events. Connections, listeners and
// watched descriptors are endpoints; each overrides only the events of the operations it begins.

/** The receiver of one token's events; see EngineEvents for their meaning. */
export abstract class Endpoint {
  /** Given by the loop; -1 while the endpoint is not registered. */
  token = -1;

  accepted(_result: number, _more: boolean): void {}
  received(_result: number, _frame: number, _more: boolean): void {}
  sent(_result: number): void {}
  writable(_result: number): void {}
  fetched(_result: number): void {}
  readable(_result: number, _more: boolean): void {}
}
