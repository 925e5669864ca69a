import { CliError } from "./cli-error.ts";

/** Returns the address. Throws a CliError for text that does not look like an e-mail address. */
export function checkEmail(address: string): string {
  if (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(address)) return address;
  throw new CliError(`"${address}" is not an e-mail address`, "For several addresses, repeat --email.");
}

/** Returns each address once. Case is ignored, so that nobody gets an alert twice. */
export function distinctEmails(addresses: readonly string[]): readonly string[] {
  const lower = addresses.map((each) => each.toLowerCase());
  return addresses.filter((_, index) => lower.indexOf(lower[index] ?? "") === index);
}
