import { createHash } from "node:crypto";

/**
 * Returns the content security policy of a page: it may execute one script and use one style sheet, given by their texts, and load
 * nothing. No text can become markup, because every script that sets markup is refused. The element must be the first one in the
 * head after the character set. https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Content-Security-Policy
 */
export function securityPolicy(style: string, script: string): string {
  const directives = [
    "default-src 'none'",
    `script-src '${hashOf(script)}'`,
    `style-src '${hashOf(style)}'`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ];
  return `<meta http-equiv="Content-Security-Policy" content="${directives.join("; ")}">`;
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
