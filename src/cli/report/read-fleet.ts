import { setFlagsFromString } from "node:v8";
import { EC2Client } from "@aws-sdk/client-ec2";
import { name as tool, version } from "../../../package.json";
import { createAssumedRole, renewing } from "../../aws/assumed-role.ts";
import { partitionOf } from "../../aws/regions.ts";
import { isRoleName, ROLE_NAME_SHAPE } from "../../config.ts";
import type { Pace } from "../../fleet/paced.ts";
import type { Account } from "../../fleet/targets.ts";
import { fleetTransport } from "../../fleet/transport.ts";
import type { Policy } from "../../policy/policy.ts";
import { counted } from "../../util/figures.ts";
import { type Aws, connect } from "../aws.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { gatherFunctionSettings } from "../function-settings.ts";
import { policyFor } from "../policy-options.ts";
import { targetsOf } from "./all-targets.ts";
import { collect } from "./collect.ts";
import { type ExemptionLine, REPORT_SCHEMA, type RuleLine } from "./lines.ts";
import { accountsOf, type ReportOptions, regionsOf } from "./options.ts";
import { organizationAccounts } from "./organization.ts";
import { writeText } from "./output.ts";
import type { Progress } from "./progress.ts";
import { openGivenReport } from "./read-lines.ts";
import { compareWith } from "./since.ts";

/** The region of STS for an operator without one. */
const DEFAULT_REGION = "us-east-1";

/**
 * How much garbage V8 collects at the latest, in percent of what is in use. Pages are large and short-lived: with V8's default of up to
 * 300, a report takes a quarter more memory, and no less time.
 */
const GARBAGE_PERCENT = 100;

const NOTHING_READ = "interrupted before an instance was read: no file was written";

/**
 * Reads the chosen accounts and regions, and writes the lines of the report to a file. Everything that the operator gave is checked
 * before AWS is called. Throws CliError for a usage error, and what AWS throws when the places to read cannot be found.
 */
export async function readFleet(
  cli: Cli,
  options: ReportOptions,
  file: string,
  progress: Progress,
  stopped: AbortSignal,
): Promise<void> {
  const startedAt = cli.now();
  const regions = regionsOf(options);
  const named = accountsOf(options);
  const aws = await connect(cli, options, DEFAULT_REGION);
  const policy = policyFor(cli, aws.region, options);
  const rules = policy.rules.map(ruleLine);
  if (options.since !== undefined) progress.doing(`Reading ${options.since}`);
  const comparison =
    options.since === undefined ? null : await compareWith(await openGivenReport(cli, options.since), rules);

  progress.doing("Listing accounts and regions");
  const { account: own } = await aws.identity();
  const names = options.organization ? await organizationAccounts(aws.organizations) : null;
  const ids = names ? [...names.keys()] : (named ?? [own]);
  const role = ids.some((id) => id !== own) ? roleName(cli, options) : "";
  let throttled = 0;
  const pace: Pace = {
    now: cli.now,
    pause: cli.pause,
    random: Math.random,
    signal: stopped,
    throttled: () => {
      throttled += 1;
      progress.throttled();
    },
  };
  const accounts = accountsIn(aws, ids, { own, role, now: cli.now });
  const targets = await targetsOf(accounts, { regions, askIn: aws.region, pace });
  if (stopped.aborted) throw new CliError(NOTHING_READ);

  setFlagsFromString(`--heap-growing-percent=${GARBAGE_PERCENT}`);
  const out = await writeText(file);
  try {
    const header = {
      type: "report",
      schema: REPORT_SCHEMA,
      time: new Date(startedAt).toISOString(),
      tool: `${tool} ${version}`,
      rules,
      exemptions: policy.exemptions.map(exemptionLine),
      accounts: Object.fromEntries(names ?? []),
      ownerTag: options.ownerTag ?? "owner",
      serviceTag: options.serviceTag ?? "service",
      since: comparison?.time ?? null,
    } as const;
    const { hasRead } = await collect(out, { header, policy, targets, comparison, pace, progress, startedAt });
    if (stopped.aborted && !hasRead) throw new CliError(NOTHING_READ);
  } finally {
    await out.close();
  }
  if (throttled > 0)
    cli.terminal.err(`AWS throttled ${counted(throttled, "call")}. Throttled calls are repeated, more slowly.`);
}

function ruleLine({ id, name: rule, severity, mode, demands, when, link }: Policy["rules"][number]): RuleLine {
  return { id, rule, severity, mode, demands: demands(), when: when?.say() ?? null, link };
}

function exemptionLine({ rules, when, reason, until }: Policy["exemptions"][number]): ExemptionLine {
  return { rules, when: when.say(), reason, until };
}

/** Returns the name of the role in the other accounts. Throws CliError if none is given or it is not a name. */
function roleName(cli: Cli, options: ReportOptions): string {
  const name = options.role ?? gatherFunctionSettings(cli, options).settings.AUDIT_ROLE_NAME;
  if (name === undefined) {
    throw new CliError(
      "no role is given for the other accounts",
      `Give --role NAME, or set AUDIT_ROLE_NAME, as for the function: the role must exist in each of these accounts, and trust
your credentials. deploy/member.yaml creates one.`,
    );
  }
  if (isRoleName(name)) return name;
  throw new CliError(`${options.role === undefined ? "AUDIT_ROLE_NAME" : "--role"} ${ROLE_NAME_SHAPE}`);
}

/** Returns the accounts to read. Their clients share one transport. */
function accountsIn(
  aws: Aws,
  ids: readonly string[],
  { own, role, now }: { readonly own: string; readonly role: string; readonly now: () => number },
): Account[] {
  const common = {
    requestHandler: fleetTransport(now),
    // `paced` makes the other attempts.
    maxAttempts: 1,
    // Builds the middleware chain once for each command instead of for each call.
    cacheMiddleware: true,
  };
  return ids.map((id) => {
    if (id === own) {
      const { credentials } = aws.sts.config;
      return { id, role: null, ec2: (region) => new EC2Client({ ...common, region, credentials }) };
    }
    const arn = `arn:${partitionOf(aws.region).name}:iam::${id}:role/${role}`;
    const assumed = createAssumedRole(aws.sts, arn, now);
    const { credentials } = assumed;
    return {
      id,
      role: { name: role, assume: credentials },
      ec2: (region) => renewing(new EC2Client({ ...common, region, credentials }), assumed),
    };
  });
}
