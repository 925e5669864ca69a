import { CliError } from "../cli-error.ts";

/**
 * Writes secrets as the lines that wt-cli reads back as the same values. It reads by dotenv 1.2.0: a line is split at its
 * first `=`, one quote is taken off at each end, spaces are cut off at the ends, a leading `$` names a variable unless it is
 * written `\$`, and `\n` is a line break in double quotes only.
 * https://github.com/motdotla/dotenv/blob/v1.2.0/lib/main.js
 * @throws CliError that names a key whose value cannot be written so, and never shows the value
 */
export function secretsFileText(secrets: Readonly<Record<string, string>>): string {
  return Object.entries(secrets)
    .map(([key, value]) => `${key}=${written(key, value)}\n`)
    .join("");
}

function written(key: string, value: string): string {
  const text = value.trim().replaceAll("\r\n", "\n");
  // What would end the line for wt-cli, and a leading \$, of which it takes the backslash away.
  if (/[\r\u2028\u2029]/.test(text) || text.startsWith("\\$")) {
    throw new CliError(
      `${key} holds a character that wt-cli cannot read`,
      "Lone carriage returns and a leading \\$ cannot be.",
    );
  }
  const escaped = text.startsWith("$") ? `\\${text}` : text;
  if (!text.includes("\n")) return `'${escaped}'`;
  if (text.includes("\\n")) {
    throw new CliError(
      `${key} holds line breaks beside a written-out \\n, and wt-cli would make line breaks of both`,
      "Put the value on one line.",
    );
  }
  return `"${escaped.replaceAll("\n", "\\n")}"`;
}
