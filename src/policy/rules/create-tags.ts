import { escapeUnseen } from "../../util/json.ts";
import { oneLine, wrap } from "../../util/text.ts";

/** The width of a remedy, which is indented in an e-mail of 72 columns. */
const COLUMNS = 66;

/** Values without characters that the AWS CLI's shorthand syntax would require to escape.
 * https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-shorthand.html */
const SHORTHAND = /^[\w.:/@+-]+(?: +[\w.:/@+-]+)*$/;

/** The services that launch instances and set a tag with this prefix. Only AWS can set tags that begin with `aws:`.
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
 * Returns how to add tags with these keys to instances of a region, as lines: one AWS CLI command for all instances, and a
 * sentence for each key that users cannot set. A shell refuses the command until each `<value>` is replaced, because the
 * unchanged command must not make an instance compliant. EC2 accepts 1,000 instances per call, more than an SNS message can
 * list.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html
 */
export function createTags(keys: readonly string[], instanceIds: readonly string[], region: string): readonly string[] {
  const ofAws = keys.filter((key) => /^aws:/i.test(key));
  const own = keys.filter((key) => !ofAws.includes(key));
  return [...(own.length > 0 ? command(own, instanceIds, region) : []), ...ofAws.flatMap(explain)];
}

function explain(key: string): string[] {
  const [, launcher = "the service that owns the tag"] =
    LAUNCHERS.find(([prefix]) => key.toLowerCase().startsWith(prefix)) ?? [];
  const text = `Only AWS can set the tag "${oneLine(key)}". Instances from ${launcher} have it.`;
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

/** Returns an option and its values, wrapped. */
function option(words: readonly string[], end: string): string[] {
  const lines = wrap(words, COLUMNS - 4, "  ");
  return lines.map((line, index) => `  ${line}${index < lines.length - 1 ? " \\" : end}`);
}

/** Returns the tags as JSON in single quotes, except for `<value>`: a line for each tag. */
function tagsAsJson(keys: readonly string[]): string[] {
  return keys.map((key, index) => {
    const quoted = escapeUnseen(JSON.stringify(key)).replaceAll("'", "'\\''");
    const start = index === 0 ? "  --tags '[" : "    ";
    return `${start}{"Key":${quoted},"Value":"'<value>'"}${index === keys.length - 1 ? "]'" : ","}`;
  });
}
