/**
 * Returns whether AWS denied a call because the credentials lack the permission.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 */
export function isDenied(error: unknown): boolean {
  return error instanceof Error && /Denied|Unauthorized|AuthorizationError/.test(error.name);
}
