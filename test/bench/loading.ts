import { fileURLToPath } from "node:url";
import { timeToRun, versionOf } from "./processes.ts";

type Run = "bare" | "ours" | "plain" | "oursFirst" | "plainFirst" | "help" | "usageError";

/** Start-up times on one version of Node, in milliseconds. Each round measures all programs in turn. */
export interface Loading {
  readonly version: string;
  /** The limit of the ratio to bare Node, which is higher for newer versions because they start faster. */
  readonly limit: number;
  readonly times: Readonly<Record<Run, readonly number[]>>;
}

const ROUNDS = 41;
const COMMAND = "dist/ec2-audit.mjs";
const FIRST_LAUNCH = fileURLToPath(new URL("./first-launch.mjs", import.meta.url));

/**
 * Measures Node without a program, and with ours and the plain one: once loading only, once auditing a launch too, because
 * work that loading defers happens then. Measures the command line too. Takes the path of Node, the files, and the arguments of first-launch.mjs.
 */
export async function measureLoading(
  node: string,
  files: Readonly<Record<"bare" | "ours" | "plain", string>>,
  launch: readonly string[],
): Promise<Loading> {
  const runs = {
    bare: () => timeToRun(node, files.bare),
    ours: () => timeToRun(node, files.ours),
    plain: () => timeToRun(node, files.plain),
    oursFirst: () => timeToRun(node, FIRST_LAUNCH, [files.ours, ...launch]),
    plainFirst: () => timeToRun(node, FIRST_LAUNCH, [files.plain, ...launch]),
    help: () => timeToRun(node, COMMAND, ["--help"]),
    usageError: () => timeToRun(node, COMMAND, ["frobnicate"], 2),
  };
  const names = Object.keys(runs) as Run[];
  const times = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Run, number[]>;
  for (let round = 0; round < ROUNDS; round++) {
    // Each round begins with another program, so that no program always follows the same one.
    for (const name of [...names.slice(round % names.length), ...names.slice(0, round % names.length)]) {
      times[name].push(await runs[name]());
    }
  }
  const version = versionOf(node);
  return { version, limit: Number.parseInt(version.slice(1), 10) < 22 ? 1.3 : 1.5, times };
}
