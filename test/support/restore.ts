import { afterAll, vi } from "vitest";

/** Restores after each test file what the files of a worker share, for the tests that failed before they did so. */
afterAll(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});
