// Mutation testing: makes small changes to the source, one at a time, and lists the changes that no test detects.
// `npm run mutation -- --mutate src/launches/auditor.ts` tests one file.

/** @type {import("@stryker-mutator/api/core").PartialStrykerOptions} */
export default {
  mutate: ["src/{sns,launches,facts,policy}/**/*.ts"],
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
