import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** The deployed file, served by the public webtask-runtime in a separate process. */
export interface FunctionProcess {
  stop(): Promise<void>;
}

/**
 * Starts the function with its secrets, on a port of loopback. Takes the file's absolute path, and a callback for each line of
 * its log. Throws Error when the process ends before it listens.
 */
export async function startFunction(
  file: string,
  port: number,
  secrets: Readonly<Record<string, string>>,
  onLog: (line: string) => void,
): Promise<FunctionProcess> {
  const child: ChildProcess = fork(fileURLToPath(new URL("./webtask-server.mjs", import.meta.url)), [], {
    // webtask-runtime 2.0.0 reads a constant through a circular import, of which Node warns at every request.
    execArgv: ["--disable-warning=Warning"],
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  let rest = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLog(line);
  });
  const ended = once(child, "exit");
  // A command line or an environment would show the secrets in a list of processes.
  child.send({ file, port, secrets });
  const first = await Promise.race([once(child, "message"), ended.then(() => null)]);
  if (first === null) throw new Error("the function's process ended before it listened");
  return {
    async stop() {
      child.kill();
      await ended;
    },
  };
}
