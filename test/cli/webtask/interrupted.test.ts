import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { inPrivateFolder } from "../../../src/cli/private-folder.ts";
import { makeProject, type Project } from "./project.ts";

/** The built command, because tsx takes seconds to start. */
const ARGS = [join(import.meta.dirname, "../../../dist/ec2-audit.mjs"), "deploy", "webtask"];
let project: Project;
beforeEach(() => {
  project = makeProject();
  project.installed();
});
afterEach(() => project.remove());

describe("an interrupted deploy webtask", () => {
  it.each(["SIGINT", "SIGTERM"] as const)("removes the file of secrets on %s, and ends wt-cli", async (signal) => {
    const wt = project.program(
      "wt",
      `const args = process.argv.slice(2), file = args[args.indexOf("--secrets-file") + 1];
       process.once("SIGTERM", () => { require("fs").writeFileSync("ended", ""); process.exit(); });
       require("fs").writeFileSync("started.part", JSON.stringify({ file }));
       require("fs").renameSync("started.part", "started.json");
       setInterval(() => {}, 1000);`,
    );
    const env = { ...process.env, HOME: project.home, WT_CLI: wt };
    const cli = spawn(process.execPath, ARGS, { cwd: project.folder, env, stdio: ["ignore", "ignore", "pipe"] });
    let output = "";
    cli.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
    const ended = once(cli, "close");
    await vi.waitUntil(() => project.has("started.json"), { timeout: 15_000, interval: 20 });
    const { file } = JSON.parse(project.read("started.json"));
    expect(readFileSync(file, "utf8")).toContain("the-secret-of-the-function");
    cli.kill(signal);
    expect(await ended).toEqual([null, signal]);
    expect(output.endsWith("\nStopped.\n")).toBe(signal === "SIGINT");
    expect(existsSync(dirname(file))).toBe(false);
    await vi.waitUntil(() => project.has("ended"), { timeout: 5_000, interval: 20 });
  });

  it("leaves no folder and no listener behind, whether the work succeeds or fails", async () => {
    const listeners = () => ["SIGINT", "SIGTERM", "SIGHUP", "exit"].map((name) => process.listenerCount(name));
    const before = listeners();
    const folders: string[] = [];
    await inPrivateFolder(async (folder) => void folders.push(folder));
    const failing = inPrivateFolder(async (folder) => {
      folders.push(folder);
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(folders.map((folder) => existsSync(folder))).toEqual([false, false]);
    expect(listeners()).toEqual(before);
  });
});

describe("deploy webtask with a wt-cli that cannot be started", () => {
  it("ends at once, and does not wait for wt-cli's timeout", () => {
    project.write("wt", "not executable");
    const env = { ...process.env, HOME: project.home, WT_CLI: "./wt" };
    const ended = spawnSync(process.execPath, ARGS, { cwd: project.folder, env, encoding: "utf8", timeout: 15_000 });
    expect([ended.status, ended.stderr]).toEqual([2, expect.stringContaining("./wt cannot be started: EACCES")]);
  });
});
