import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/**
 * Tests that replace a module for the whole file. The other files share the modules of their worker, which saves half of the time
 * of all tests: loading the SDK takes longer than most of them. They restore what they replace, such as `send` of a client's class.
 */
const ISOLATED = "test/sns/fetch-text.test.ts";

/** Long tests and tests against other programs. Only the gate runs them. */
const GATE = "test/**/*.gate.test.ts";

export default defineConfig({
  test: {
    // A thread starts faster than a process.
    pool: "threads",
    // Vitest leaves a core free; many of these tests wait for other processes.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // webtask-runtime 2.0.0 reads a constant through a circular import, of which Node warns at every request.
    execArgv: ["--disable-warning=Warning"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: "shared",
          isolate: false,
          include: ["test/**/*.test.ts"],
          exclude: [ISOLATED, GATE],
          setupFiles: "test/support/restore.ts",
        },
      },
      { extends: true, test: { name: "isolated", include: [ISOLATED] } },
      { extends: true, test: { name: "gate", include: [GATE] } },
    ],
  },
});
