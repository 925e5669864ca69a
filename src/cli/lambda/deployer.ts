import { join } from "node:path";
import type { Aws } from "../aws.ts";
import { type Cli, CliError, type CommonOptions } from "../cli.ts";
import { type Ended, findProgram, runProgram } from "../run-program.ts";
import { hasBucket, makeBucket, type RunAws } from "./bucket.ts";
import type { Parameters } from "./parameters.ts";

/** What is to be deployed, and where. */
export interface Order {
  readonly stack: string;
  readonly parameters: Parameters;
  /** Where the code is uploaded to; null for the tool's own choice. */
  readonly bucket: string | null;
  /** Makes the change set, and does not carry it out. */
  readonly dryRun: boolean;
}

/** What came of it. */
export type Deployed =
  | { readonly kind: "done" }
  | { readonly kind: "unchanged" }
  | { readonly kind: "planned"; readonly changeSet: string }
  | { readonly kind: "no-bucket"; readonly bucket: string }
  | { readonly kind: "failed"; readonly told: string };

/** The program that deploys. */
export interface Deployer {
  readonly name: "sam" | "aws";
  /** Takes the folder with `deploy/template.yaml` and `dist/audit.js`. Throws no error for a deployment that fails. */
  deploy(stage: string, order: Order): Promise<Deployed>;
}

/** The flags of sam and the AWS CLI for where the stack is, and by whom. */
export function placeFlags({ profile }: CommonOptions, { region }: Pick<Aws, "region">): readonly string[] {
  return ["--region", region, ...(profile ? ["--profile", profile] : [])];
}

/** The same in a command that is shown; starts with a space. */
export function shownPlaceFlags(options: CommonOptions, aws: Pick<Aws, "region">): string {
  return ` ${placeFlags(options, aws).join(" ")}`;
}

/** The deployer that is installed: sam, else the AWS CLI. @throws CliError when there is neither */
export function findDeployer(cli: Cli, options: CommonOptions, aws: Aws): Deployer {
  const common = placeFlags(options, aws);
  const sam = findProgram("sam", cli.env);
  if (sam) return samDeployer((stage, args) => runProgram(sam, [...args, ...common], { folder: stage, env: cli.env }));
  const file = findProgram("aws", cli.env);
  if (file)
    return awsDeployer((stage, args) => runProgram(file, [...args, ...common], { folder: stage, env: cli.env }), aws);
  throw new CliError(
    "neither sam nor aws is on the PATH: one of them has to upload the function",
    `AWS SAM CLI: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/install-sam-cli.html
AWS CLI:     https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html`,
  );
}

type Run = (stage: string, args: readonly string[]) => Promise<Ended>;

function samDeployer(sam: Run): Deployer {
  return {
    name: "sam",
    async deploy(stage, { stack, parameters, bucket, dryRun }) {
      const ended = await sam(stage, [
        ...["deploy", "--template-file", join("deploy", "template.yaml"), "--stack-name", stack],
        ...(bucket === null ? ["--resolve-s3"] : ["--s3-bucket", bucket]),
        ...["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-fail-on-empty-changeset"],
        ...(dryRun ? ["--no-execute-changeset"] : []),
        ...[
          "--parameter-overrides",
          ...Object.entries(parameters).map(([name, value]) => `${name}=${samValue(name, value)}`),
        ],
      ]);
      return readEnd(ended, dryRun);
    },
  };
}

/**
 * sam reads its parameters out of text: in quotes, and a backslash is its own unless it is before a quote or a blank. JSON
 * has another way to write both.
 */
function samValue(name: string, value: string): string {
  const json = value.trimStart().startsWith("{")
    ? value.replaceAll('\\"', "\\u0022").replaceAll("\\\\", "\\u005c")
    : value;
  if (/\\(?!u)/.test(json)) {
    throw new CliError(`${name} has a backslash, which sam cannot be given`, "Take sam off the PATH: the AWS CLI can.");
  }
  return `"${json.replaceAll('"', '\\"')}"`;
}

function awsDeployer(program: Run, aws: Aws): Deployer {
  return {
    name: "aws",
    async deploy(stage, { stack, parameters, bucket: named, dryRun }) {
      const runAws: RunAws = (args) => program(stage, args);
      const { account } = await aws.identity();
      const bucket = named ?? `ec2-audit-${account}-${aws.region}`;
      if (!(await hasBucket(runAws, bucket, account))) {
        if (named !== null) throw new CliError(`there is no bucket ${named}`, "Without --bucket one is made.");
        if (dryRun) return { kind: "no-bucket", bucket };
        await makeBucket(runAws, bucket, aws.region);
      }
      const packaged = "packaged.yaml";
      const upload = ["--template-file", join("deploy", "template.yaml"), "--s3-bucket", bucket];
      const uploaded = await runAws(["cloudformation", "package", ...upload, "--output-template-file", packaged]);
      if (uploaded.code !== 0) return { kind: "failed", told: toldBy(uploaded) };
      const ended = await runAws([
        ...["cloudformation", "deploy", "--template-file", packaged, "--stack-name", stack],
        ...["--capabilities", "CAPABILITY_IAM", "--no-fail-on-empty-changeset"],
        ...(dryRun ? ["--no-execute-changeset"] : []),
        ...["--parameter-overrides", ...Object.entries(parameters).map(([name, value]) => `${name}=${value}`)],
      ]);
      return readEnd(ended, dryRun);
    },
  };
}

function readEnd(ended: Ended, dryRun: boolean): Deployed {
  if (ended.code !== 0) return { kind: "failed", told: toldBy(ended) };
  const text = `${ended.stdout}\n${ended.stderr}`;
  if (/no changes to deploy/i.test(text)) return { kind: "unchanged" };
  if (!dryRun) return { kind: "done" };
  const changeSet = /arn:[\w-]+:cloudformation:[^\s]+:changeSet\/[^\s]+/.exec(text)?.[0];
  return changeSet
    ? { kind: "planned", changeSet }
    : { kind: "failed", told: `it named no change set:\n${text.trim()}` };
}

function toldBy({ stdout, stderr }: Ended): string {
  return stderr.trim() || stdout.trim() || "it said nothing";
}
