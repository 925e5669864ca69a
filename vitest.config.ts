import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // A thread starts faster than a process.
    pool: "threads",
    // Vitest leaves a core free; many of these tests wait for other processes.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // webtask-runtime 2.0.0 reads a constant through a circular import, of which Node warns at every request.
    execArgv: ["--disable-warning=Warning"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
