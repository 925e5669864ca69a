import { describe, expect, it } from "vitest";
import { hoursBetweenSweeps } from "../../../src/cli/doctor/sweep-hours.ts";

describe("hoursBetweenSweeps", () => {
  it.each([
    ["rate(1 hour)", 1],
    ["rate(12 hours)", 12],
    ["rate(7 days)", 168],
    ["rate(60 days)", 744],
    ["cron(0 6 ? * MON *)", 168],
    ["cron(0 6 ? * 2 *)", 168],
    ["cron(0 6 ? * L *)", 168],
    ["cron(0 6 ? * mon-fri *)", 72],
    ["cron(0 6 ? * FRI-MON *)", 96],
    ["cron(0 6 ? * MON,THU *)", 96],
    ["cron(0 6 ? * 6L *)", 744],
    ["cron(0 6 ? * 2#1 *)", 744],
    ["cron(0 6 1 * ? *)", 744],
    ["cron(0 6 L * ? *)", 744],
  ])("returns the longest time between two sweeps of %s", (expression, hours) => {
    expect(hoursBetweenSweeps(expression)).toBe(hours);
  });

  it.each([
    "cron(0 6 * * ? *)",
    "cron(0 6 ? * * *)",
    "cron(0 6 ? * SUN-SAT *)",
    "cron(0 6 ? * 1,2-7 *)",
    "cron(0 6 1/1 * ? *)",
    "cron(0 6 ? * MON/2 *)",
    "rate(24 hours)",
    "rate(1 day)",
    "",
  ])("returns null for %j, which is daily or may be", (expression) => {
    expect(hoursBetweenSweeps(expression)).toBeNull();
  });
});
