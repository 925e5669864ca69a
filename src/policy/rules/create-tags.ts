import { escapeUnseen } from "../../util/json.ts";
import { oneLine, wrap } from "../../util/text.ts";

/** A remedy is indented in a message of 72 columns. */
const COLUMNS = 66;

/** Values that need no escaping in the AWS CLI's shorthand.
 * https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-shorthand.html */
const SHORTHAND = /^[\w.:/@+-]+(?: +[\w.:/@+-]+)*$/;

/** The services that launch instances and give them a tag with this prefix. Only AWS can set tags that begin with `aws:`.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions */
const LAUNCHERS: readonly (readonly [prefix: string, launcher: string])[] = [
  ["aws:autoscaling:", "Amazon EC2 Auto Scaling"],
  ["aws:cloudformation:", "AWS CloudFormation"],
  ["aws:ec2launchtemplate:", "a launch template"],
  ["aws:ec2:fleet-id", "EC2 Fleet"],
  ["aws:ec2spot:", "a Spot Fleet"],
  ["aws:eks:", "Amazon EKS"],
  ["aws:elasticmapreduce:", "Amazon EMR"],
  ["aws:servicecatalog:", "AWS Service Catalog"],
];

/**
 * How to give instances of a region tags with these keys, as lines: one command of the AWS CLI for all instances, and a
 * sentence for each key that EC2 does not let users set. A shell refuses the command until each `<value>` is replaced: if it
 * is pasted unchanged, it must not make an instance compliant. EC2 accepts 1,000 instances in a call, and an SNS message
 * holds fewer.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html
 */
export function createTags(keys: readonly string[], instanceIds: readonly string[], region: string): readonly string[] {
  const ofAws = keys.filter((key) => /^aws:/i.test(key));
  const own = keys.filter((key) => !ofAws.includes(key));
  return [...(own.length > 0 ? command(own, instanceIds, region) : []), ...ofAws.flatMap(explain)];
}

function explain(key: string): string[] {
  const [, launcher = "the AWS service that owns the tag"] =
    LAUNCHERS.find(([prefix]) => key.toLowerCase().startsWith(prefix)) ?? [];
  const text = `Only AWS can set the tag "${oneLine(key)}". An instance has it when it is launched by ${launcher}.`;
  return wrap(text.split(" "), COLUMNS);
}

function command(keys: readonly string[], instanceIds: readonly string[], region: string): readonly string[] {
  const start = `aws ec2 create-tags --region ${region}`;
  const resources = ["--resources", ...instanceIds];
  if (!keys.every((key) => SHORTHAND.test(key)))
    return [`${start} \\`, ...option(resources, " \\"), ...tagsAsJson(keys)];
  // The tags come last: no shell accepts a command that ends in <value>.
  const tags = ["--tags", ...keys.map((key) => `${key.includes(" ") ? `'Key=${key}'` : `Key=${key}`},Value=<value>`)];
  const line = [start, ...resources, ...tags].join(" ");
  return line.length <= COLUMNS ? [line] : [`${start} \\`, ...option(resources, " \\"), ...option(tags, "")];
}

/** An option and its words, on as many lines as needed. */
function option(words: readonly string[], end: string): string[] {
  const lines = wrap(words, COLUMNS - 4, "  ");
  return lines.map((line, index) => `  ${line}${index < lines.length - 1 ? " \\" : end}`);
}

/** For keys that need escaping in shorthand: JSON in single quotes, except for `<value>`, with a line for each tag. */
function tagsAsJson(keys: readonly string[]): string[] {
  return keys.map((key, index) => {
    const quoted = escapeUnseen(JSON.stringify(key)).replaceAll("'", "'\\''");
    const start = index === 0 ? "  --tags '[" : "    ";
    return `${start}{"Key":${quoted},"Value":"'<value>'"}${index === keys.length - 1 ? "]'" : ","}`;
  });
}
