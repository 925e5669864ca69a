/**
 * An error as it can be told: its name and the first line of its message, 300 characters at most. AWS's own messages can
 * quote the request, and with it its signature: in the lines that follow, or in the first.
 */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return "an unknown error";
  const [line = ""] = error.message.split(/[\r\n]/);
  const told = line.replaceAll(/(Signature|Credential)=[^\s,'"&]*/g, "$1=...");
  return `${error.name}: ${told.slice(0, 300)}`;
}
