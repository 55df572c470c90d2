// The time that this process has computed, for tests that hold an algorithm to its order of growth: unlike a clock's, it does
// not depend on what else the machine does. Not for what waits.

/** CPU time of this process since its start, in ms, all threads together. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
