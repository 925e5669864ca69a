import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Bundle, marksOf } from "../../../src/cli/webtask/bundle.ts";
import type { WebtaskConfig } from "../../../src/cli/webtask/config.ts";
import type { Health } from "../../../src/cli/webtask/health.ts";
import {
  addDeployment,
  deploymentBefore,
  findDeployment,
  readBundle,
  readHistory,
  recordHealth,
} from "../../../src/cli/webtask/history.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "ec2-audit-history-"));
});
afterEach(() => rmSync(home, { recursive: true }));

const config = (): WebtaskConfig => ({
  ...{ file: "wt.config.json", folder: home, home, name: "ec2-audit", main: join(home, "audit.js") },
  ...{ secrets: {}, secretsFrom: [], policy: null },
});
const bundleOf = (text: string): Bundle => {
  return { ...marksOf(Buffer.from(text)), version: "1.0.0", commit: null };
};
/** Records a deployment, a minute after the last one. */
function deploy(text: string, health: Health["state"] = "good", putBack: number | null = null): void {
  const history = readHistory(config());
  const at = Date.UTC(2026, 10, 23, 9, (history.deployments.at(-1)?.number ?? 0) + 1);
  const made = { at, url: "https://example.com/ec2-audit", secrets: ["AWS_REGION"], putBack };
  recordHealth(addDeployment(history, bundleOf(text), made).history, health);
}
const history = () => readHistory(config());
const numbers = () => history().deployments.map(({ number }) => number);
const previous = () => deploymentBefore(history())?.number;

describe("the recorded deployments", () => {
  it("are in a folder that only the owner can read, each with its file", () => {
    deploy("a");
    const { folder, deployments } = history();
    expect(deployments).toEqual([
      {
        number: 1,
        time: "2026-11-23T09:01:00.000Z",
        file: `20261123T090100Z-${bundleOf("a").sha256.slice(0, 8)}.js`,
        sha256: bundleOf("a").sha256,
        version: "1.0.0",
        commit: null,
        secrets: ["AWS_REGION"],
        url: "https://example.com/ec2-audit",
        health: "good",
        putBack: null,
      },
    ]);
    expect(folder).toBe(join(home, ".ec2-audit", "webtask", "ec2-audit"));
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(folder)) expect(statSync(join(folder, file)).mode & 0o777, file).toBe(0o600);
  });

  it("belong to one profile of wt-cli: with another profile, the same name is another webtask", () => {
    deploy("a");
    const others = ["team", "../team"].map((profile) => readHistory(config(), profile));
    expect(others.map(({ deployments }) => deployments)).toEqual([[], []]);
    expect(others.map(({ folder }) => relative(home, folder))).toEqual([
      join(".ec2-audit", "webtask@team", "ec2-audit"),
      join(".ec2-audit", "webtask@..%2Fteam", "ec2-audit"),
    ]);
    expect(readHistory(config(), "default")).toEqual(history());
  });

  it("are the last ten, and their files with them", () => {
    for (let number = 1; number <= 12; number += 1) deploy(`code ${number}`);
    expect(numbers()).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(readdirSync(history().folder).filter((file) => file.endsWith(".js"))).toHaveLength(10);
  });

  it("include the newest healthy one, however old", () => {
    deploy("old");
    deploy("good");
    for (let number = 3; number <= 20; number += 1) deploy(`code ${number}`, "bad");
    expect(numbers()).toEqual([2, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
    const last = findDeployment(history(), String(previous()));
    expect(readBundle(history(), last).code.toString()).toBe("good");
  });

  it("share one file for the same code, which stays as long as one of them", () => {
    deploy("a");
    deploy("b");
    deploy("a", "good", 1);
    expect(readdirSync(history().folder).filter((file) => file.endsWith(".js"))).toHaveLength(2);
    for (let number = 4; number <= 12; number += 1) deploy(`code ${number}`);
    expect(readBundle(history(), findDeployment(history(), "3")).code.toString()).toBe("a");
  });

  it("are refused when the record is malformed, or a file has changed or does not exist", () => {
    deploy("a");
    const { folder, deployments } = history();
    const [only] = deployments;
    if (only === undefined) throw new Error("nothing was recorded");
    writeFileSync(join(folder, only.file), "b");
    expect(() => readBundle(history(), only)).toThrow(/has changed since it was deployed: its sha256 differs$/);
    rmSync(join(folder, only.file));
    expect(() => readBundle(history(), only)).toThrow(/does not exist$/);
    const outside = { ...only, file: "../../../audit.js" };
    for (const record of ["{", "[]", JSON.stringify({ deployments: [outside] })]) {
      writeFileSync(join(folder, "deployments.json"), record);
      expect(history).toThrow(/is not a record of deployments$/);
    }
  });
});

describe("the deployment to roll back to", () => {
  it("is the newest earlier one that was healthy and has different code", () => {
    deploy("a");
    deploy("b", "bad");
    deploy("c", "misconfigured");
    deploy("d");
    deploy("d");
    expect(previous()).toBe(1);
  });

  it("is an earlier one after each rollback", () => {
    for (const text of ["a", "b", "c"]) deploy(text);
    expect(previous()).toBe(2);
    deploy("b", "good", 2);
    expect(previous()).toBe(1);
    deploy("a", "good", 1);
    expect(previous()).toBeUndefined();
  });

  it("is the restored deployment, after a new one failed", () => {
    for (const text of ["a", "b"]) deploy(text);
    deploy("a", "good", 1);
    deploy("c", "bad");
    expect(deploymentBefore(history())).toMatchObject({ number: 3, putBack: 1 });
  });

  it("does not exist before the second deployment", () => {
    expect(previous()).toBeUndefined();
    deploy("a");
    expect(previous()).toBeUndefined();
  });
});

describe("findDeployment", () => {
  it("finds a deployment by its number or the beginning of its sha256", () => {
    for (const text of ["a", "b", "a"]) deploy(text);
    expect(findDeployment(history(), "2").number).toBe(2);
    expect(findDeployment(history(), bundleOf("a").sha256.slice(0, 8).toUpperCase()).number).toBe(3);
    for (const wanted of ["4", "0", "", "cafe", bundleOf("a").sha256.slice(0, 3)]) {
      expect(() => findDeployment(history(), wanted), wanted).toThrow(`no recorded deployment is "${wanted}"`);
    }
  });
});
