import { appendFileSync, chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { webtask } from "../../../src/adapters/webtask.ts";
import { createApp } from "../../../src/app.ts";
import { readCertificate } from "../../../src/aws/signing-certificate.ts";
import { pinnedCertificate } from "../../../src/sns/certificate.ts";
import { serve } from "../../support/hosts.ts";
import type { Served } from "../../support/loopback.ts";
import { aws, LAUNCH_TOPIC, run, useEmptyAws } from "../installed.ts";
import { diagnosis, doctor, FUNCTION_USER, folder, settings, setUp, useInstallation } from "./installed.ts";

/** The probe: a launch of an instance that nobody has goes the real way, and is looked for in the function's log. */

useEmptyAws();
useInstallation();

let log: string;
let logging: Served;

// A function of the same settings, whose log is a file: that of somebody who serves it.
beforeEach(async () => {
  log = join(folder, "function.log");
  writeFileSync(log, "an older line\n");
  const certificates = pinnedCertificate(readCertificate(aws.signingCert), Date.now);
  const app = createApp({}, { now: Date.now, write: (line) => appendFileSync(log, `${line}\n`), certificates });
  logging = await serve(webtask(app), settings);
  await run(`setup --url ${logging.url}`);
  await aws.idle();
});
afterEach(() => logging.close());

/** Time that passes by waiting alone. */
function patient() {
  let waited = 0;
  const pause = async (ms: number) => {
    waited += ms;
    await turn();
  };
  return { now: () => Date.now() + waited, pause };
}

const probes = async (line: string, more = {}) =>
  (await diagnosis(`--probe ${line}`, more)).filter((each) => String(each).includes(": probe:"));

describe("ec2-audit doctor --probe", () => {
  it("finds in the function's log that it took the probe, and alerts nobody", async () => {
    const mails = aws.mails.length;
    const { code, out, err } = await doctor("--probe --trace function.log");
    expect(code).toBe(0);
    expect(err).toContain("the probe: waiting up to 90 s for its line in the log");
    expect(out).toMatch(
      /probe\n {2}✓ topic ec2_launches_check: the function took the message [0-9a-f-]{36} and decided "unseen": EC2 does not show the instance, 300 s after the event/,
    );
    await aws.idle();
    const published = aws.calls.filter(({ action }) => action === "Publish").map(({ params }) => params.TopicArn);
    expect([published, aws.mails.length]).toEqual([[LAUNCH_TOPIC], mails]);
  });

  it("follows a log that is begun anew", async () => {
    writeFileSync(log, "x".repeat(100_000));
    const isPublish = () => {
      writeFileSync(log, "");
      return true;
    };
    aws.faults.add({ service: "sns", action: "Publish", kind: "error", times: 1, when: isPublish });
    expect(await probes("--trace function.log")).toEqual([]);
  });

  it("sees that the function decides otherwise, and why", async () => {
    aws.deny("ec2:DescribeTags", "*", { principal: FUNCTION_USER });
    const [found] = await probes("--trace function.log");
    expect(found).toMatch(
      /^wrong: probe: topic ec2_launches_check: the function took .* and decided "failed": Unauthorized/,
    );
  });

  it("sees that the function is not called", async () => {
    writeFileSync(join(folder, "other.log"), "");
    const [found] = await probes("--trace other.log", patient());
    expect(found).toMatch(
      /^wrong: probe: topic ec2_launches_check: took the message .*, and other\.log has no line of it after 90 s$/,
    );
  });

  it("sees that the launch topic does not take it", async () => {
    aws.deny("sns:Publish", LAUNCH_TOPIC);
    const [found] = await probes("--trace function.log");
    expect(found).toContain("unknown: probe: topic ec2_launches_check: AWS does not allow this");
  });

  it("publishes nothing where its line could not be seen: LOG_LEVEL drops it", async () => {
    setUp({ ...settings, LOG_LEVEL: "error" });
    expect(await probes("--trace function.log")).toEqual([
      "unknown: probe: topic ec2_launches_check: LOG_LEVEL drops the line that would show it",
    ]);
    expect(aws.callCounts.get("sns:Publish")).toBeUndefined();
  });

  it("ends with 1 when it could not be made, because its answer was asked for", async () => {
    const nobody = { env: { WT_CLI: join(folder, "wt") } };
    const { code, out } = await doctor("--probe --json", nobody);
    expect([code, JSON.parse(out)]).toMatchObject([1, { verdict: "unknown", counts: { wrong: 0, unknown: 1 } }]);
    expect((await doctor("", nobody)).code).toBe(0);
  });

  it("publishes nothing where its line could not be seen: there is no log", async () => {
    expect(await probes("", { env: { WT_CLI: join(folder, "wt") } })).toEqual([
      "unknown: probe: topic ec2_launches_check: wt logs does not stream the function's log",
    ]);
    expect(aws.callCounts.get("sns:Publish")).toBeUndefined();
  });

  it("does not go on with a file that is not there", async () => {
    const { code, err } = await doctor("--probe --trace no.log");
    expect([code, err]).toEqual([2, expect.stringContaining("there is no file no.log")]);
    expect(err).not.toContain("Examining");
  });

  it("takes the log from wt logs, which gets none of the function's secrets, and ends it", async () => {
    const wt = join(folder, "wt");
    // What wt-cli 11 does: says that it is connected, and then each line, until it is stopped.
    const program = `#!/usr/bin/env node
      const { readFileSync, writeFileSync, watch } = require("node:fs");
      writeFileSync(${JSON.stringify(join(folder, "wt.json"))}, JSON.stringify([process.argv.slice(2), Object.keys(process.env)]));
      console.log({ container: "wt-0" }, "connected to streaming logs");
      const seen = new Set();
      const tell = () => {
        for (const line of readFileSync(${JSON.stringify(log)}, "utf8").split("\\n").slice(0, -1)) {
          if (!seen.has(line)) console.log(line);
          seen.add(line);
        }
      };
      setInterval(tell, 10);
      process.on("SIGTERM", () => { writeFileSync(${JSON.stringify(join(folder, "ended"))}, ""); process.exit(); });`;
    writeFileSync(wt, program);
    chmodSync(wt, 0o755);
    expect(await probes("--wt-profile team", { env: { WT_CLI: wt } })).toEqual([]);
    const { default: told } = await import(join(folder, "wt.json"), { with: { type: "json" } });
    const [args, names]: [string[], string[]] = told;
    expect(args).toEqual(["logs", "--raw", "--profile", "team"]);
    expect(names.filter((name) => name.startsWith("AWS_SECRET") || name === "ALERT_TOPIC_ARN")).toEqual([]);
    await vi.waitFor(() => expect(existsSync(join(folder, "ended"))).toBe(true), 5_000);
  });
});
