import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openOutputs, writeText, written } from "../../../src/cli/report/output.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ec2-audit-output-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const path = (name: string) => join(folder, name);
const write = async (file: string, ...texts: string[]) => {
  const out = await writeText(file);
  for (const text of texts) await out.write(text);
  await out.close();
};

/** The id of no process: the largest one is 4,194,304 on Linux. */
const NO_PROCESS = 2 ** 22 + 1;

describe("the files of a run", () => {
  it("tell what to do when the disk is full", async () => {
    // Linux has a device that is always full. The file system of a test is not.
    const work = writeFile("/dev/full", "text");
    await expect(written("a.csv", work)).rejects.toMatchObject({
      message: '"a.csv" cannot be written: the disk is full',
      hint: "Free some space, or use another disk: --out names the files, and TMPDIR the folder of temporary ones.",
    });
  });

  it("replace their targets together at the end", async () => {
    writeFileSync(path("a.csv"), "earlier");
    const outputs = openOutputs(folder, ["a.csv", "b.csv"]);
    for (const { name, temporary } of outputs.files) await write(temporary, `new ${name}`);
    expect(readFileSync(path("a.csv"), "utf8")).toBe("earlier");
    await outputs.commit();
    expect(readFileSync(path("a.csv"), "utf8")).toBe("new a.csv");
    expect(readFileSync(path("b.csv"), "utf8")).toBe("new b.csv");
    expect(readdirSync(folder).sort()).toEqual(["a.csv", "b.csv"]);
  });

  it("leave their targets as they were when they are discarded", () => {
    writeFileSync(path("a.csv"), "earlier");
    openOutputs(folder, ["a.csv", "b.csv"]).discard();
    expect(readdirSync(folder)).toEqual(["a.csv"]);
    expect(readFileSync(path("a.csv"), "utf8")).toBe("earlier");
  });

  it("keep the mode of their target", async () => {
    writeFileSync(path("a.csv"), "");
    chmodSync(path("a.csv"), 0o600);
    await openOutputs(folder, ["a.csv"]).commit();
    expect(statSync(path("a.csv")).mode & 0o777).toBe(0o600);
  });

  it("replace the file that a symbolic link names", async () => {
    mkdirSync(path("real"));
    writeFileSync(path("real/a.csv"), "earlier");
    symlinkSync("real/a.csv", path("link.csv"));
    const outputs = openOutputs(folder, ["link.csv"]);
    await write(outputs.files[0]?.temporary ?? "", "new");
    await outputs.commit();
    expect(readFileSync(path("real/a.csv"), "utf8")).toBe("new");
  });

  it("are refused when two names are the same file", () => {
    writeFileSync(path("a.csv"), "");
    symlinkSync("a.csv", path("link.csv"));
    expect(() => openOutputs(folder, ["a.csv", "link.csv"])).toThrow("names the same file twice: a.csv, link.csv");
    expect(readdirSync(folder).sort()).toEqual(["a.csv", "link.csv"]);
  });

  it("are refused for a folder", () => {
    mkdirSync(path("a.csv"));
    expect(() => openOutputs(folder, ["a.csv"])).toThrow("a.csv is a folder");
  });

  it("remove what a killed process left for the same target, and nothing else", () => {
    const others = [
      `.a.csv.${process.ppid}-0123abcd.tmp`,
      `.b.csv.${NO_PROCESS}-0123abcd.tmp`,
      ".a.csv.tmp",
      "a.csv.1.tmp",
    ];
    for (const name of [`.a.csv.${NO_PROCESS}-0123abcd.tmp`, ...others]) writeFileSync(path(name), "half");
    openOutputs(folder, ["a.csv"]).discard();
    expect(readdirSync(folder).sort()).toEqual(others.sort());
  });
});

describe("a text file", () => {
  it("has the texts in their order, however large they are", async () => {
    writeFileSync(path("a"), "");
    const texts = Array.from({ length: 3_000 }, (_, index) => `${index} ü ${"x".repeat(index % 100)}\n`);
    await write(path("a"), ...texts);
    expect(readFileSync(path("a"), "utf8")).toBe(texts.join(""));
  });

  it("has whole texts when several writers share it", async () => {
    writeFileSync(path("a"), "");
    const out = await writeText(path("a"));
    const text = (name: string) => `${name.repeat(40_000)}\n`;
    await Promise.all(["a", "b", "c", "d"].map(async (name) => out.write(text(name))));
    await out.close();
    expect(readFileSync(path("a"), "utf8").split("\n").sort()).toEqual(
      ["", ..."abcd"].map((name) => name.repeat(40_000)),
    );
  });
});
