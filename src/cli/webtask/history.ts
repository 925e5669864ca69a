import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parseJson } from "../../util/json.ts";
import { CliError } from "../cli-error.ts";
import { type Bundle, marksOf } from "./bundle.ts";
import type { WebtaskConfig } from "./config.ts";
import type { Health } from "./health.ts";

/** One deployment: what is kept of it beside its file. Of the secrets there are the names, and never a value. */
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
  /** Unknown until it has been asked, and when it could not be asked from here. */
  readonly health: Health["state"];
  /** For one that put an older one back: that one's number. */
  readonly putBack: number | null;
}

/** The deployments of one webtask, by one profile of wt-cli, from this folder; the oldest first. */
export interface History {
  readonly folder: string;
  readonly deployments: readonly Deployment[];
}

/** How many deployments are kept, and with them the last that was well. */
export const KEPT = 10;

const RECORD = "deployments.json";
/** The profile that wt-cli takes when none is named. */
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
 * Reads what is kept of a webtask's deployments, in `.ec2-audit/webtask/<name>` of the operator's folder. By another profile of
 * wt-cli it is another webtask, of another cluster or account: its own are in `.ec2-audit/webtask@<profile>/<name>`.
 * @throws CliError when the record there is not one of ours
 */
export function readHistory({ home, name }: WebtaskConfig, wtProfile = WT_DEFAULT): History {
  const place = wtProfile === WT_DEFAULT ? "webtask" : `webtask@${encodeURIComponent(wtProfile)}`;
  const folder = join(home, ".ec2-audit", place, name);
  const path = join(folder, RECORD);
  if (!existsSync(path)) return { folder, deployments: [] };
  const record = parseJson(readFileSync(path, "utf8"));
  if (isRecord(record)) return { folder, deployments: record.deployments };
  throw new CliError(`${path} is not a record of deployments`, "Move the folder away: deploying begins a new one.");
}

/** Adds a deployment and its file, and lets go of those that are too old. The folder can be read by its owner only. */
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

/** Notes how the last deployment is. */
export function noteHealth({ folder, deployments }: History, health: Health["state"]): History {
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
 * The deployment to put back when the last one is to go: the newest that was well, is older than what runs now (for one
 * that was put back itself, older than that one), and is other code.
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
 * The deployment of a number, or the newest whose sha256 begins with the text.
 * @throws CliError when there is none, or when the text can be several files
 */
export function findDeployment({ deployments }: History, wanted: string): Deployment {
  const numbered = deployments.find(({ number }) => String(number) === wanted);
  if (numbered) return numbered;
  const named = /^[0-9a-f]{4,64}$/i.test(wanted)
    ? deployments.filter(({ sha256 }) => sha256.startsWith(wanted.toLowerCase()))
    : [];
  const newest = named.at(-1);
  const hint = "ec2-audit rollback webtask --list shows those there are.";
  if (newest === undefined) throw new CliError(`no deployment that is kept is "${wanted}"`, hint);
  if (named.some(({ sha256 }) => sha256 !== newest.sha256))
    throw new CliError(`"${wanted}" begins several files' sha256`, hint);
  return newest;
}

/**
 * The file of a deployment, as it was deployed.
 * @throws CliError when it is gone, or has been changed since
 */
export function readBundle({ folder }: History, { file, sha256, version, commit }: Deployment): Bundle {
  const path = join(folder, file);
  if (!existsSync(path)) throw new CliError(`${path} is gone`, "Put another deployment back: --list shows them.");
  const code = readFileSync(path);
  const marks = marksOf(code);
  if (marks.sha256 === sha256) return { ...marks, version, commit };
  throw new CliError(
    `${path} is not what was deployed: its sha256 is another`,
    "Put another deployment back: --list shows them.",
  );
}

/** A deployment in a few words. */
export function nameOf({ number, sha256, version, time }: Deployment): string {
  return `deployment ${number} (${sha256.slice(0, 8)}, version ${version}, of ${time.slice(0, 16).replace("T", " ")} UTC)`;
}
