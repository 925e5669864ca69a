import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/**
 * Tests that replace no part of the SDK, of a module or of `process`. They share the modules of their worker, which saves half of
 * the time of all tests: loading the SDK takes longer than most of them.
 */
const SHARED = [
  "test/{deploy,local,policy,util}/**/*.test.ts",
  "test/cli/{check,doctor,policy,webtask}/**/*.test.ts",
  "test/cli/*.test.ts",
  "test/flows/**/*.test.ts",
];
const ISOLATED = [
  "test/{adapters,alerts,attack,aws,build,dist,facts,launches,sns,soak}/**/*.test.ts",
  "test/cli/{lambda,setup}/**/*.test.ts",
  "test/*.test.ts",
  "test/cli/doctor/lambda.test.ts",
  "test/flows/port.test.ts",
];

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
      { extends: true, test: { name: "shared", isolate: false, include: SHARED, exclude: [...ISOLATED, GATE] } },
      { extends: true, test: { name: "isolated", include: ISOLATED, exclude: [GATE] } },
      { extends: true, test: { name: "gate", include: [GATE] } },
    ],
  },
});
