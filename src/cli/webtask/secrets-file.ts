import { CliError } from "../cli-error.ts";

/**
 * Writes secrets as lines that wt-cli reads back as the same values. wt-cli parses with dotenv 1.2.0, which splits a line at
 * its first `=`, removes one quote at each end, trims spaces, takes a leading `$` for a variable unless it is written `\$`, and
 * takes `\n` for a line break in double quotes only. https://github.com/motdotla/dotenv/blob/v1.2.0/lib/main.js
 * Throws CliError, with the key and without the value, for a value that cannot be written that way.
 */
export function secretsFileText(secrets: Readonly<Record<string, string>>): string {
  return Object.entries(secrets)
    .map(([key, value]) => `${key}=${written(key, value)}\n`)
    .join("");
}

function written(key: string, value: string): string {
  const text = value.trim().replaceAll("\r\n", "\n");
  // These characters would end the line for wt-cli, and it would remove the backslash of a leading \$.
  if (/[\r\u2028\u2029]/.test(text) || text.startsWith("\\$")) {
    throw new CliError(
      `${key} has a character that wt-cli cannot read`,
      "A lone carriage return, a line separator and a leading \\$ are not possible.",
    );
  }
  const escaped = text.startsWith("$") ? `\\${text}` : text;
  if (!text.includes("\n")) return `'${escaped}'`;
  if (text.includes("\\n")) {
    throw new CliError(
      `${key} has both line breaks and a literal \\n, and wt-cli would read both as line breaks`,
      "Put the value on one line.",
    );
  }
  return `"${escaped.replaceAll("\n", "\\n")}"`;
}
