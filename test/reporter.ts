import type { Reporter, TestModule } from "vitest/node";

/** Closes a run with what passed only when it was tried again, what was skipped and why (the skip's note), then one plain line of counts. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    const skipped: string[] = [];
    const again: string[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const result = test.result();
        count[result.state]++;
        if (test.diagnostic()?.flaky) again.push(test.fullName);
        if (result.state === "skipped") skipped.push(`${test.fullName}: ${result.note ?? "no reason given"}`);
      }
      if (module.state() === "failed" && module.errors().length > 0) count.failed++;
    }
    for (const name of again) console.log(`passed only at the second try: ${name}`);
    for (const line of skipped) console.log(`skipped: ${line}`);
    console.log(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped + count.pending} skipped`);
  }
}
