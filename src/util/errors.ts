/**
 * Returns the name of an error and the first line of its message, up to 300 characters, without secrets: AWS's messages can
 * quote the request with its signature, in the first line or in later ones.
 */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return "an unknown error";
  const [line = ""] = error.message.split(/[\r\n]/);
  const safe = line.replaceAll(/(Signature|Credential)=[^\s,'"&]*/g, "$1=...");
  return `${error.name}: ${safe.slice(0, 300)}`;
}
