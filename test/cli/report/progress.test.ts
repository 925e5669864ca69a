import pc from "picocolors";
import { beforeEach, describe, expect, it } from "vitest";
import { createProgress, type Progress } from "../../../src/cli/report/progress.ts";

const NO_COLOURS = pc.createColors(false);
const PLACES = ["us-east-1", "eu-west-1", "us-west-2", "sa-east-1"].map((region) => ({
  account: "123456789012",
  region,
}));

let time: number;
beforeEach(() => {
  time = 0;
});

function start(columns = 80, instancesOf: (place: { region: string }) => number | null = () => null): Progress {
  const progress = createProgress({ colours: NO_COLOURS, columns }, () => time);
  progress.places(PLACES, instancesOf);
  return progress;
}

function reading(index: number, instances: number, calls = 1) {
  return { result: () => ({ account: "123456789012", region: "", ...PLACES[index], instances, findings: 3, calls }) };
}

function read(progress: Progress, ...args: Parameters<typeof reading>): void {
  const one = reading(...args);
  progress.started(one);
  progress.ended(one);
}

describe("the progress of a report", () => {
  it("shows places, instances, findings and calls, those of unfinished places too, and the time left", () => {
    const progress = start();
    read(progress, 0, 1_234, 2);
    progress.started(reading(1, 1_000));
    time = 5_000;
    expect(progress.text()).toBe(
      `${"━".repeat(10)}${"─".repeat(30)}  25 %  about 15 s left\n  1 of 4 places · 2,234 instances · 6 findings · 3 calls`,
    );
  });

  it("counts pages where the previous report knows them", () => {
    const progress = start(80, ({ region }) => (region === "us-east-1" ? 96_000 : 0));
    for (const index of [1, 2, 3]) read(progress, index, 0);
    expect(progress.text()).toContain("   3 %");
    progress.started(reading(0, 47_000));
    expect(progress.text()).toContain("  50 %");
  });

  it("says for a while that EC2 throttles calls", () => {
    const progress = start();
    progress.throttled();
    expect(progress.text()).toContain("throttled, slowing down");
    time = 6_000;
    expect(progress.text()).not.toContain("throttled");
  });

  it("fits into a narrow terminal", () => {
    const progress = start(30);
    progress.throttled();
    time = 60_000;
    read(progress, 0, 1);
    for (const line of progress.text().split("\n")) expect(line.length).toBeLessThan(30);
  });

  it("shows what is done before and after the places are read", () => {
    const progress = createProgress({ colours: NO_COLOURS, columns: 80 }, () => time);
    progress.doing("Listing accounts and regions");
    expect(progress.text()).toBe("Listing accounts and regions");
    progress.places(PLACES.slice(0, 1), () => null);
    read(progress, 0, 1);
    progress.doing("Writing fleet.html");
    expect(progress.text()).toBe("Writing fleet.html");
  });
});
