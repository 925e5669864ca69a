import { defineConfig } from "vitest/config";

/**
 * The tests that run against a mutant: those of the core, and the test that the documentation of the policy is that of the code.
 * The attack tests use the built file, which contains no mutant.
 */
export default defineConfig({
  test: {
    include: [
      "test/{adapters,alerts,aws,facts,launches,policy,sns}/**/*.test.ts",
      "test/app.test.ts",
      "test/build/policy-docs.test.ts",
    ],
    // These tests open ports, start other programs or are slow.
    exclude: ["test/aws/transport.test.ts", "test/**/*.gate.test.ts"],
    // Instrumented code is slower.
    testTimeout: 60_000,
  },
});
