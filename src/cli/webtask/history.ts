import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parseJson } from "../../util/json.ts";
import { CliError } from "../cli-error.ts";
import { type Bundle, marksOf } from "./bundle.ts";
import type { WebtaskConfig } from "./config.ts";
import type { Health } from "./health.ts";

/** The record of a deployment, beside its file. It has the names of the secrets, never a value. */
export interface Deployment {
  /** Counts up from 1. */
  readonly number: number;
  /** In UTC, ISO 8601. */
  readonly time: string;
  readonly file: string;
  readonly sha256: string;
  readonly version: string;
  readonly commit: string | null;
  readonly secrets: readonly string[];
  readonly url: string;
  /** Unknown until the health check, and when this machine could not reach the function. */
  readonly health: Health["state"];
  /** For a rollback, the number of the earlier deployment that it restored. */
  readonly putBack: number | null;
}

/** The deployments of one webtask, with one profile of wt-cli, from this folder; oldest first. */
export interface History {
  readonly folder: string;
  readonly deployments: readonly Deployment[];
}

/** How many deployments are kept. The newest healthy deployment is kept too. */
export const KEPT = 10;

const RECORD = "deployments.json";
/** The profile that wt-cli uses when none is named. */
const WT_DEFAULT = "default";

const text = { type: "string" };
const isRecord = new Ajv2020().compile<{ deployments: Deployment[] }>({
  type: "object",
  required: ["deployments"],
  properties: {
    deployments: {
      type: "array",
      items: {
        type: "object",
        required: ["number", "time", "file", "sha256", "version", "commit", "secrets", "url", "health", "putBack"],
        properties: {
          number: { type: "integer", minimum: 1 },
          time: text,
          file: { type: "string", pattern: "^[\\w-]+\\.js$" },
          sha256: { type: "string", pattern: "^[0-9a-f]{64}$" },
          version: text,
          commit: { anyOf: [text, { type: "null" }] },
          secrets: { type: "array", items: text },
          url: text,
          health: { enum: ["good", "misconfigured", "bad", "unknown"] },
          putBack: { anyOf: [{ type: "integer" }, { type: "null" }] },
        },
      },
    },
  },
});

/**
 * Reads the record of a webtask's deployments, in `.ec2-audit/webtask/<name>` of the operator's folder. With another profile
 * of wt-cli it is another webtask, on another cluster or account: its record is in `.ec2-audit/webtask@<profile>/<name>`.
 * Throws CliError when the file is not such a record.
 */
export function readHistory({ home, name }: WebtaskConfig, wtProfile = WT_DEFAULT): History {
  const parent = wtProfile === WT_DEFAULT ? "webtask" : `webtask@${encodeURIComponent(wtProfile)}`;
  const folder = join(home, ".ec2-audit", parent, name);
  const path = join(folder, RECORD);
  if (!existsSync(path)) return { folder, deployments: [] };
  const record = parseJson(readFileSync(path, "utf8"));
  if (isRecord(record)) return { folder, deployments: record.deployments };
  throw new CliError(
    `${path} is not a record of deployments`,
    "Move the folder away: the next deployment creates a new one.",
  );
}

/** Records a deployment and its file, and deletes the ones that are too old. Only its owner can read the folder. */
export function addDeployment(
  { folder, deployments }: History,
  bundle: Bundle,
  made: {
    readonly at: number;
    readonly url: string;
    readonly secrets: readonly string[];
    readonly putBack: number | null;
  },
): { readonly history: History; readonly deployment: Deployment } {
  const time = new Date(made.at).toISOString();
  const { sha256, version, commit } = bundle;
  const held = deployments.find((each) => each.sha256 === sha256 && existsSync(join(folder, each.file)));
  const file = held?.file ?? `${time.replaceAll(/[-:]|\.\d+/g, "")}-${sha256.slice(0, 8)}.js`;
  const { url, secrets, putBack } = made;
  const number = (deployments.at(-1)?.number ?? 0) + 1;
  const deployment: Deployment = {
    number,
    time,
    file,
    sha256,
    version,
    commit,
    secrets,
    url,
    health: "unknown",
    putBack,
  };
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, "..", "..", ".gitignore"), "*\n");
  writeFileSync(join(folder, file), bundle.code, { mode: 0o600 });
  const history = write({ folder, deployments: [...deployments, deployment] });
  return { history, deployment };
}

/** Records the health of the last deployment. */
export function recordHealth({ folder, deployments }: History, health: Health["state"]): History {
  const last = deployments.at(-1);
  return write({ folder, deployments: [...deployments.slice(0, -1), ...(last ? [{ ...last, health }] : [])] });
}

function write({ folder, deployments }: History): History {
  const lastGood = deployments.findLast(({ health }) => health === "good");
  const kept = deployments.filter((each, index) => index >= deployments.length - KEPT || each === lastGood);
  const fresh = join(folder, `${RECORD}.new`);
  writeFileSync(fresh, `${JSON.stringify({ deployments: kept }, null, 2)}\n`, { mode: 0o600 });
  renameSync(fresh, join(folder, RECORD));
  const files = new Set(kept.map(({ file }) => file));
  for (const file of readdirSync(folder)) {
    if (file.endsWith(".js") && !files.has(file)) rmSync(join(folder, file));
  }
  return { folder, deployments: kept };
}

/**
 * Returns the deployment to roll back to: the newest earlier one that was healthy and has different code. After a rollback, it
 * is earlier than the deployment that the rollback restored.
 */
export function deploymentBefore({ deployments }: History): Deployment | undefined {
  const now = deployments.at(-1);
  if (now === undefined) return undefined;
  const since = now.putBack ?? now.number;
  return deployments.findLast(
    ({ health, number, putBack, sha256 }) => health === "good" && (putBack ?? number) < since && sha256 !== now.sha256,
  );
}

/**
 * Returns the deployment with that number, or the newest whose sha256 begins with the text. Throws CliError when there is
 * none, and when the text matches several files.
 */
export function findDeployment({ deployments }: History, wanted: string): Deployment {
  const numbered = deployments.find(({ number }) => String(number) === wanted);
  if (numbered) return numbered;
  const named = /^[0-9a-f]{4,64}$/i.test(wanted)
    ? deployments.filter(({ sha256 }) => sha256.startsWith(wanted.toLowerCase()))
    : [];
  const newest = named.at(-1);
  const hint = "ec2-audit rollback webtask --list prints the deployments.";
  if (newest === undefined) throw new CliError(`no recorded deployment is "${wanted}"`, hint);
  if (named.some(({ sha256 }) => sha256 !== newest.sha256))
    throw new CliError(`the sha256 of several files begins with "${wanted}"`, hint);
  return newest;
}

/** Returns the file of a deployment. Throws CliError when it does not exist, or has changed since it was deployed. */
export function readBundle({ folder }: History, { file, sha256, version, commit }: Deployment): Bundle {
  const path = join(folder, file);
  if (!existsSync(path)) throw new CliError(`${path} does not exist`, OTHER);
  const code = readFileSync(path);
  const marks = marksOf(code);
  if (marks.sha256 === sha256) return { ...marks, version, commit };
  throw new CliError(`${path} has changed since it was deployed: its sha256 differs`, OTHER);
}

const OTHER = "Choose another deployment with --to: --list prints them.";

/** Returns a short description of a deployment, for messages. */
export function nameOf({ number, sha256, version, time }: Deployment): string {
  return `deployment ${number} (${sha256.slice(0, 8)}, version ${version}, ${time.slice(0, 16).replace("T", " ")} UTC)`;
}
