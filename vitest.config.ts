import { defineConfig } from "vitest/config";

// project: the repository itself (import graph, generated docs, fixtures' manifest): part of `npm run check`.
// unit:    pure code and files.   system, vm: real OVS, tmux, QEMU; few at a time, as they share the machine's two cores. They depend on
// when the machine runs whom: what fails is tried once more, and what passed only then is listed at the end (test/reporter.ts).
export default defineConfig({
  test: {
    reporters: ["default", "./test/reporter.ts"],
    globalSetup: "./test/fresh-dist.ts",
    projects: [
      { test: { name: "project", include: ["test/project/**/*.test.ts"], testTimeout: 60_000 } },
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/project/**", "test/system/**", "test/vm/**"],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "system",
          include: ["test/system/**/*.test.ts"],
          retry: 1,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "vm",
          include: ["test/vm/**/*.test.ts"],
          retry: 1,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
