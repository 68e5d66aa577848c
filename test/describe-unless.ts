import { describe, it } from "vitest";

/** A suite of tests, or, where the machine lacks what they need, one skipped test in its place that says why. */
export function describeUnless(lack: string | null, name: string, tests: () => void): void {
  if (lack === null) describe(name, tests);
  else it(name, ({ skip }) => skip(lack));
}
