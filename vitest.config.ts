import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // webtask-runtime 2.0.0 reads a constant through a circular import, of which Node warns at every request.
    execArgv: ["--disable-warning=Warning"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
