import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { runProgram } from "../../cli/run-program.ts";
import { counted } from "../../util/figures.ts";
import { isObject, parseJson } from "../../util/json.ts";
import { DEMO_POLICY } from "./policy.ts";
import { CREDENTIALS } from "./setup.ts";

/**
 * Writes a report of everything that runs in the demo, as an operator does. Returns its result in words, and its page. The files
 * stay after the demo; the next one replaces them. Throws Error when the command fails.
 */
export async function writeReport(endpoint: string): Promise<{ readonly result: string; readonly page: string }> {
  const folder = join(tmpdir(), "ec2-audit-demo");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "policy.json"), DEMO_POLICY);
  const files = ["--out", "report.html", "--out", "report.jsonl"];
  const args = ["report", "--policy", "policy.json", "--regions", CREDENTIALS.AWS_REGION, ...files, "--json"];
  const { code, stdout, stderr } = await runProgram(process.execPath, [resolve("dist/ec2-audit.mjs"), ...args], {
    folder,
    env: { ...process.env, ...CREDENTIALS, AWS_ENDPOINT_URL: endpoint },
  });
  const counts = parseJson(stdout);
  if (code === 2 || !isObject(counts)) throw new Error(`ec2-audit report failed: ${stderr}`);
  const { instances, compliant, findings } = counts;
  const result = `${counted(Number(instances), "instance")}, ${compliant} compliant, ${counted(Number(findings), "finding")}`;
  return { result, page: join(folder, "report.html") };
}
