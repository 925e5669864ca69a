// Mutation testing: changes the source in small ways, one at a time, and tells which changes no test notices.
// `npm run mutation -- --mutate src/launches/auditor.ts` does one file.

/** @type {import("@stryker-mutator/api/core").PartialStrykerOptions} */
export default {
  mutate: [
    "src/sns/**/*.ts",
    "src/launches/auditor.ts",
    "src/launches/batch.ts",
    "src/launches/events.ts",
    "src/facts/facts.ts",
    "src/launches/lanes.ts",
  ],
  testRunner: "vitest",
  vitest: { configFile: "test/mutation/vitest.config.ts" },
  plugins: ["@stryker-mutator/vitest-runner"],
  coverageAnalysis: "perTest",
  concurrency: 2,
  reporters: ["clear-text", "json"],
  clearTextReporter: { reportTests: false, logTests: false },
  jsonReporter: { fileName: "mutation/report.json" },
  tempDirName: ".stryker-tmp",
  // TypeScript 7 has no API for Stryker to read this file with, and Vitest takes nothing from it.
  tsconfigFile: "none",
  ignorePatterns: ["/dist", "/test/bench", "/mutation"],
  incremental: false,
};
