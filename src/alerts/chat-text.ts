/** Texts of AWS inside the markdown of a chat application: Slack's or that of Microsoft Teams. */

/** Characters with a similar one that has no meaning in markdown. Slack's has no escape for them. */
const SIMILAR: Readonly<Record<string, string>> = {
  "*": "∗",
  "~": "∼",
  "`": "'",
  "@": "＠",
  "#": "＃",
  "[": "(",
  "]": ")",
  "|": "¦",
  "\\": "⧵",
};

/** https://docs.slack.dev/messaging/formatting-message-text#escaping */
const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/**
 * Returns text on one line so that it reads the same, but is neither markdown nor a mention, link, channel or emoji. The characters that
 * would make it one become similar characters.
 */
export function chatText(text: string): string {
  return (
    text
      .replace(/[*~`@#[\]|\\]/g, (sign) => SIMILAR[sign] ?? sign)
      // Inside a word, an underscore is no markdown.
      .replace(/(?<![A-Za-z0-9_])_+|_+(?![A-Za-z0-9_])/g, (signs) => "ˍ".repeat(signs.length))
      // The end of a URL's scheme, and the start of an emoji's name.
      .replace(/:(?=\/\/|[\w+'-]+:|[\w.+-]+＠)/g, "꞉")
      // The dot of a domain.
      .replace(/(?<=[\p{L}\p{N}-])\.(?=[\p{L}]{2})/gu, "․")
      .replace(/[&<>]/g, entityOf)
  );
}

/** Returns a block of code; null for text that would end the block. */
export function chatCode(text: string): string | null {
  return text.includes("`") ? null : `\`\`\`\n${text.replace(/[&<>]/g, entityOf)}\n\`\`\``;
}

/** Returns a URL of the policy or of the console, which the chat application makes a link. */
export function chatLink(url: string): string {
  return url
    .replace(/[*~`<>|_]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("&", "&amp;");
}

function entityOf(sign: string): string {
  return ENTITIES[sign] ?? sign;
}
