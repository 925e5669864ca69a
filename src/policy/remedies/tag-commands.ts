import { escapeUnseen } from "../../util/json.ts";
import { oneLine } from "../../util/text.ts";
import { command, optionLines, prose } from "./commands.ts";

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
  return tagCommand("create-tags", keys, instanceIds, region, (launcher, key) => {
    return `Only AWS can set the tag "${key}". Instances from ${launcher} have it.`;
  });
}

/**
 * Returns how to delete the tags with these keys from instances of a region, as lines.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html
 */
export function deleteTags(keys: readonly string[], instanceIds: readonly string[], region: string): readonly string[] {
  return tagCommand("delete-tags", keys, instanceIds, region, (launcher, key) => {
    return `Only AWS can delete the tag "${key}". It comes from ${launcher}.`;
  });
}

/** Returns the command for the keys of users, and a sentence for each key of AWS. */
function tagCommand(
  action: "create-tags" | "delete-tags",
  keys: readonly string[],
  instanceIds: readonly string[],
  region: string,
  explain: (launcher: string, key: string) => string,
): readonly string[] {
  const ofAws = keys.filter(isOfAws);
  const own = keys.filter((key) => !isOfAws(key));
  const sentences = ofAws.flatMap((key) => prose(explain(launcherOf(key), oneLine(key))));
  if (own.length === 0) return sentences;
  const start = `aws ec2 ${action} --region ${region}`;
  const resources = ["--resources", ...instanceIds];
  const hasValue = action === "create-tags";
  if (!own.every((key) => SHORTHAND.test(key))) {
    return [`${start} \\`, ...optionLines(resources, " \\"), ...tagsAsJson(own, hasValue), ...sentences];
  }
  // The tags come last: no shell accepts a command that ends in <value>.
  const tags = own.map(
    (key) => `${key.includes(" ") ? `'Key=${key}'` : `Key=${key}`}${hasValue ? ",Value=<value>" : ""}`,
  );
  return [...command(start, [resources, ["--tags", ...tags]]), ...sentences];
}

/** Returns whether a tag is reserved for AWS. Such tags do not count as tags of users, who can neither set nor delete them. */
export function isOfAws(key: string): boolean {
  return /^aws:/i.test(key);
}

function launcherOf(key: string): string {
  const [, launcher = "the service that owns the tag"] =
    LAUNCHERS.find(([prefix]) => key.toLowerCase().startsWith(prefix)) ?? [];
  return launcher;
}

/** Returns the tags as JSON in single quotes, except for `<value>`: a line for each tag. */
function tagsAsJson(keys: readonly string[], hasValue: boolean): string[] {
  return keys.map((key, index) => {
    const quoted = escapeUnseen(JSON.stringify(key)).replaceAll("'", "'\\''");
    const start = index === 0 ? "  --tags '[" : "    ";
    const value = hasValue ? `,"Value":"'<value>'"` : "";
    return `${start}{"Key":${quoted}${value}}${index === keys.length - 1 ? "]'" : ","}`;
  });
}
