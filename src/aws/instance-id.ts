/**
 * Whether a value is an instance id: `i-` and 17 hexadecimal digits, 8 in older accounts.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html
 */
export function isInstanceId(id: unknown): id is string {
  return typeof id === "string" && /^i-(?:[0-9a-f]{8}|[0-9a-f]{17})$/.test(id);
}
