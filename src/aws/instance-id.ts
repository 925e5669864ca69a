/**
 * Returns whether a value is an instance id: `i-` and 17 hexadecimal digits, or 8 for older instances.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html
 */
export function isInstanceId(value: unknown): value is string {
  return typeof value === "string" && /^i-(?:[0-9a-f]{8}|[0-9a-f]{17})$/.test(value);
}
