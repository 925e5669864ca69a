import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
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
      const cli = spawn(process.execPath, args, { cwd: project.folder, env, stdio: ["ignore", "ignore", "pipe"] });
      let told = "";
      cli.stderr.setEncoding("utf8").on("data", (chunk: string) => {
        told += chunk;
      });
      const ended = once(cli, "close");
      await vi.waitUntil(() => project.has("started.json"), { timeout: 45_000, interval: 50 });
      const { file } = JSON.parse(project.read("started.json"));
      expect(readFileSync(file, "utf8")).toContain("the-secret-of-the-function");
      cli.kill(signal);
      expect(await ended).toEqual([null, signal]);
      expect(told.endsWith("\nStopped.\n")).toBe(signal === "SIGINT");
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

it("a program that cannot be started keeps nobody waiting for the time that it might have taken", async () => {
  const script = `import { runProgram } from ${JSON.stringify(pathToFileURL(join(ROOT, "src/cli/run-program.ts")))};
    await runProgram("/nowhere/wt", [], { folder: "/", env: {}, timeoutMs: 3_600_000 }).catch((error) => console.log(error.code));`;
  const args = ["--import", TSX, "--input-type=module", "--eval", script];
  const ended = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 30_000 });
  expect([ended.status, ended.stdout]).toEqual([0, "ENOENT\n"]);
}, 60_000);
