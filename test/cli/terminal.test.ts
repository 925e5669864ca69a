import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { createTerminal, type Streams } from "../../src/cli/terminal.ts";

/** Streams that take down what is written; a terminal where asked. */
function streams(tty: boolean) {
  const nothing = () => true;
  const screen = { columns: 80, cursorTo: nothing, moveCursor: nothing, clearLine: nothing };
  const stream = () => Object.assign(new PassThrough(), { isTTY: tty, setRawMode: nothing, ...screen });
  const all = { stdin: stream(), stdout: stream(), stderr: stream() };
  const written = (which: "stdout" | "stderr") => String(all[which].read() ?? "");
  return { streams: all as unknown as Streams, stdin: all.stdin, written };
}

describe("The terminal", () => {
  it("has colours only on a terminal, and not with NO_COLOR", () => {
    const coloured = (tty: boolean, env: NodeJS.ProcessEnv) =>
      createTerminal(streams(tty).streams, env).colours.isColorSupported;
    expect(coloured(true, {})).toBe(true);
    expect(coloured(false, {})).toBe(false);
    expect(coloured(true, { NO_COLOR: "1" })).toBe(false);
    expect(coloured(true, { NO_COLOR: "" })).toBe(true);
    expect(coloured(true, { TERM: "dumb" })).toBe(false);
    const onlyResults = { ...streams(true).streams, stderr: streams(false).streams.stderr };
    expect(createTerminal(onlyResults, {}).colours.isColorSupported).toBe(false);
  });

  it("writes results and progress to different streams", async () => {
    const { streams: all, written } = streams(false);
    const terminal = createTerminal(all, {});
    terminal.out("result");
    terminal.err("talk");
    const answer = await terminal.busy("working", async (say) => {
      say("half-way");
      return 7;
    });
    expect([answer, written("stdout"), written("stderr")]).toEqual([7, "result\n", "talk\nworking …\n  half-way\n"]);
  });

  it("shows a live text on a terminal only, escaped, and removes it at the end", async () => {
    const live = async (tty: boolean) => {
      const { streams: all, written } = streams(tty);
      const terminal = createTerminal(all, {});
      const result = await terminal.live(
        () => "half-way\u202e",
        async () => 7,
      );
      return [result, written("stdout"), written("stderr")];
    };
    expect(await live(false)).toEqual([7, "", ""]);
    const [result, out, err] = await live(true);
    expect([result, out]).toEqual([7, ""]);
    expect(err).toContain("half-way\\u202e");
    const failing = createTerminal(streams(true).streams, {}).live(
      () => "",
      () => Promise.reject(new Error("no")),
    );
    await expect(failing).rejects.toThrow("no");
  });

  const hostile = "a\u001b[2Jb\u009b31mc\u202ed\u2028e\rf";
  const harmless = "a\\u001b[2Jb\\u009b31mc\\u202ed\\u2028e\\u000df";

  it("escapes control characters as JSON does", async () => {
    for (const tty of [false, true]) {
      const { streams: all, written } = streams(tty);
      const terminal = createTerminal(all, {});
      terminal.out(`one\n\t${hostile}`);
      terminal.err(hostile);
      expect([written("stdout"), written("stderr")]).toEqual([`one\n\t${harmless}\n`, `${harmless}\n`]);
      await terminal.busy(hostile, async (say) => say(hostile));
      expect(["\u001b[2J", "\u009b", "\u202e", "\u2028"].filter((each) => written("stderr").includes(each))).toEqual(
        [],
      );
    }
  });

  it("keeps its own colours, and valid JSON", () => {
    const { streams: all, written } = streams(true);
    const terminal = createTerminal(all, {});
    terminal.out(terminal.colours.red("no"));
    expect(written("stdout")).toBe("\u001b[31mno\u001b[39m\n");
    terminal.out(JSON.stringify({ hostile }));
    expect(JSON.parse(written("stdout"))).toEqual({ hostile });
  });

  it("ignores a closed pipe, and no other error", () => {
    const { streams: all } = streams(false);
    createTerminal(all, {});
    const trouble = (code: string) => all.stdout.emit("error", Object.assign(new Error(code), { code }));
    expect(trouble("EPIPE")).toBe(true);
    expect(() => trouble("EIO")).toThrow("EIO");
  });

  it("shows progress and its end on a terminal", async () => {
    const { streams: all, written } = streams(true);
    const terminal = createTerminal(all, {});
    await terminal.busy("building", async () => {});
    expect(written("stderr")).toContain("building");
    const failing = terminal.busy("checking", () => Promise.reject(new Error("no")));
    await expect(failing).rejects.toThrow("no");
    expect(written("stderr")).toContain("checking");
    expect(written("stdout")).toBe("");
  });

  it("asks for confirmation on a terminal, with no as the default", async () => {
    const { streams: all, stdin } = streams(true);
    const terminal = createTerminal(all, {});
    const ask = async (key: string) => {
      const answer = terminal.confirm("Remove all?");
      stdin.write(key);
      return answer;
    };
    expect(await ask("y")).toBe(true);
    expect(await ask("\r")).toBe(false);
    expect(await ask("\u0003")).toBe(false);
  });

  it("refuses to ask without a terminal, and names the option that skips the question", async () => {
    const { streams: all } = streams(false);
    await expect(createTerminal(all, {}).confirm("Remove all?")).rejects.toMatchObject({
      message: "the confirmation requires a terminal",
      hint: "Use --yes to skip the confirmation.",
    });
  });
});
