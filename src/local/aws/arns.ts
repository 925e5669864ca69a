import { randomBytes } from "node:crypto";
import { partitionOf } from "../../aws/regions.ts";

/** An ARN: `arn:<partition>:<service>:<region>:<account>:<resource>`. Global services (iam, sts) take `scope` "global". */
export function arn(service: string, region: string, account: string, resource: string, scope?: "global"): string {
  return `arn:${partitionOf(region).name}:${service}:${scope ? "" : region}:${account}:${resource}`;
}

/** Returns the parts of an ARN; undefined for other text. The resource keeps its colons. */
export function parseArn(
  value: string,
): { partition: string; service: string; region: string; account: string; resource: string } | undefined {
  const match = /^arn:([^:]+):([^:]+):([^:]*):([^:]*):(.+)$/s.exec(value);
  if (match === null) return undefined;
  const [, partition = "", service = "", region = "", account = "", resource = ""] = match;
  return { partition, service, region, account, resource };
}

/** Returns `length` random hexadecimal digits. */
export function hex(length: number): string {
  return randomBytes(Math.ceil(length / 2))
    .toString("hex")
    .slice(0, length);
}

/** Returns an EC2 id of the long form: the prefix, a dash, 17 hexadecimal digits. */
export function resourceId(prefix: string): string {
  return `${prefix}-${hex(17)}`;
}
