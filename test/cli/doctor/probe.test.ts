import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { aws, LAUNCH_TOPIC } from "../installed.ts";
import { deny, diagnosis, doctor, FUNCTION_USER, folder, functionLog, setUp, useInstallation } from "./installed.ts";

useInstallation("file");
beforeEach(() => writeFileSync(functionLog(), "an older line\n"));

/** A clock that only pauses advance. */
function fastClock() {
  let waited = 0;
  const pause = async (ms: number) => {
    waited += ms;
    await turn();
  };
  return { now: () => Date.now() + waited, pause };
}

const TRACE = "--probe --trace function.log";
const NAME = "probe: topic ec2_launches_check";
const noWt = () => ({ env: { WT_CLI: join(folder, "wt") } });
const publishCount = () => aws.callCounts.get("sns:Publish") ?? 0;

describe("ec2-audit doctor --probe", () => {
  it("publishes a launch, finds its outcome in the function's log, and sends no alert", async () => {
    const before = aws.calls.length;
    const mails = aws.mails.length;
    const { code, out, err } = await doctor(TRACE);
    expect(code).toBe(0);
    expect(err).toContain("the probe: waiting up to 90 s for its line in the log");
    expect(out).toMatch(
      /probe\n {2}✓ topic ec2_launches_check: the function received message [0-9a-f-]{36} and decided "unseen": EC2 does not show the instance, 300 s after the event/,
    );
    await aws.idle();
    const published = aws.calls.slice(before).filter(({ action }) => action === "Publish");
    expect(published.map(({ params }) => params.TopicArn)).toEqual([LAUNCH_TOPIC]);
    expect(aws.mails).toHaveLength(mails);
  });

  it("follows a log file that is truncated", async () => {
    writeFileSync(functionLog(), "x".repeat(100_000));
    const truncate = () => {
      writeFileSync(functionLog(), "");
      return true;
    };
    aws.faults.add({ service: "sns", action: "Publish", kind: "error", times: 1, when: truncate });
    expect(await diagnosis(TRACE)).toEqual([0]);
  });

  it("reports another outcome with its reason", async () => {
    deny("ec2:DescribeTags", "*", { principal: FUNCTION_USER });
    const [code, ...findings] = await diagnosis(TRACE);
    expect([code, findings.at(-1)]).toEqual([
      1,
      expect.stringMatching(new RegExp(`^wrong: ${NAME}: the function received .* and decided "failed": Unauthorized`)),
    ]);
  });

  it("reports that the function's log has no line about the probe", async () => {
    writeFileSync(join(folder, "other.log"), "");
    expect(await diagnosis("--probe --trace other.log", fastClock())).toEqual([
      1,
      expect.stringMatching(
        new RegExp(`^wrong: ${NAME}: accepted message .*, but other\\.log has no line about it after 90 s$`),
      ),
    ]);
  });

  it("exits with 1 when the launch topic rejects the probe", async () => {
    deny("sns:Publish", LAUNCH_TOPIC);
    expect(await diagnosis(TRACE)).toEqual([1, expect.stringContaining(`unknown: ${NAME}: AWS does not allow this`)]);
  });

  it("publishes nothing when LOG_LEVEL hides its line", async () => {
    setUp({ LOG_LEVEL: "error" });
    const before = publishCount();
    expect(await diagnosis(TRACE)).toEqual([1, `unknown: ${NAME}: LOG_LEVEL hides the probe's line in the log`]);
    expect(publishCount()).toBe(before);
  });

  it("publishes nothing and exits with 1 when there is no log", async () => {
    const before = publishCount();
    const { code, out } = await doctor("--probe --json", noWt());
    const document = JSON.parse(out);
    expect([code, document]).toMatchObject([1, { verdict: "unknown", counts: { wrong: 0, unknown: 1 } }]);
    expect(document.checks.at(-1).message).toBe("wt logs does not stream the function's log");
    expect(publishCount()).toBe(before);
  });

  it("reads the log from wt logs, without the function's secrets in its environment, and ends it", async () => {
    const [wt, called, ended] = [join(folder, "wt"), join(folder, "wt.json"), join(folder, "ended")];
    // Like wt-cli 11: prints that it is connected, and then each line, until it is stopped.
    const program = `#!/usr/bin/env node
      const { readFileSync, writeFileSync } = require("node:fs");
      writeFileSync(${JSON.stringify(called)}, JSON.stringify([process.argv.slice(2), Object.keys(process.env)]));
      console.log({ container: "wt-0" }, "connected to streaming logs");
      const seen = new Set();
      setInterval(() => {
        for (const line of readFileSync(${JSON.stringify(functionLog())}, "utf8").split("\\n").slice(0, -1)) {
          if (!seen.has(line)) console.log(line);
          seen.add(line);
        }
      }, 10);
      process.on("SIGTERM", () => { writeFileSync(${JSON.stringify(ended)}, ""); process.exit(); });`;
    writeFileSync(wt, program);
    chmodSync(wt, 0o755);
    expect(await diagnosis("--probe --wt-profile team", { env: { WT_CLI: wt } })).toEqual([0]);
    const [args, names]: [string[], string[]] = JSON.parse(readFileSync(called, "utf8"));
    expect(args).toEqual(["logs", "--raw", "--profile", "team"]);
    expect(names.filter((name) => name.startsWith("AWS_SECRET") || name === "ALERT_TOPIC_ARN")).toEqual([]);
    await vi.waitFor(() => expect(existsSync(ended)).toBe(true), 5_000);
    rmSync(wt);
  });
});
