import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { inPrivateFolder } from "../../../src/cli/private-folder.ts";
import { makeProject, type Project } from "./project.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
/** Without a process of tsx around it: the signal is to reach the command itself. */
const TSX = import.meta.resolve("tsx");
let project: Project;
beforeEach(() => {
  project = makeProject();
  project.installed();
});
afterEach(() => project.remove());

describe("an interrupted deploy webtask", () => {
  it.each(["SIGINT", "SIGTERM"] as const)(
    "removes the file of secrets on %s, and ends wt-cli",
    async (signal) => {
      const wt = project.program(
        "wt",
        `const args = process.argv.slice(2), file = args[args.indexOf("--secrets-file") + 1];
       process.once("SIGTERM", () => { require("fs").writeFileSync("ended", ""); process.exit(); });
       require("fs").writeFileSync("started.part", JSON.stringify({ file }));
       require("fs").renameSync("started.part", "started.json");
       setInterval(() => {}, 1000);`,
      );
      const env = { ...process.env, HOME: project.home, WT_CLI: wt };
      const args = ["--import", TSX, join(ROOT, "src", "cli", "main.ts"), "deploy", "webtask"];
      const cli = spawn(process.execPath, args, { cwd: project.folder, env, stdio: "ignore" });
      const ended = once(cli, "exit");
      await vi.waitUntil(() => project.has("started.json"), { timeout: 45_000, interval: 50 });
      const { file } = JSON.parse(project.read("started.json"));
      expect(readFileSync(file, "utf8")).toContain("the-secret-of-the-function");
      cli.kill(signal);
      expect(await ended).toEqual([null, signal]);
      expect(existsSync(dirname(file))).toBe(false);
      await vi.waitUntil(() => project.has("ended"), { timeout: 5_000, interval: 20 });
    },
    60_000,
  );

  it("leaves no folder and no listener behind, whether the work is done or fails", async () => {
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
