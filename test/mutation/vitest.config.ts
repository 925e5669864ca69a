import { defineConfig } from "vitest/config";
import config from "../../vitest.config.ts";

/** The tests that a mutant is held against: those of the core. The attacks are on the built file, which no mutant is in. */
export default defineConfig({
  ...config,
  test: {
    ...config.test,
    include: ["test/{adapters,aws,facts,launches,sns}/**/*.test.ts", "test/{app,bad-input}.test.ts"],
    // Those tests are about the network: they open ports, and are slow.
    testNamePattern: /^(?!.*over real HTTP)/,
  },
});
