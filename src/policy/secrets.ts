/**
 * The formats of secrets that no other text has. General signs, such as a random look, are left out: they cause false alarms.
 * A tag value has at most 256 characters, so the patterns take little time.
 */
const FORMATS: readonly (readonly [name: string, pattern: RegExp])[] = [
  // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
  ["an AWS access key id", /(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9])/],
  // https://www.rfc-editor.org/rfc/rfc7468 and https://www.rfc-editor.org/rfc/rfc4716
  ["a private key", /-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY/],
  // https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
  ["a GitHub token", /(?<!\w)(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})/],
  // https://docs.gitlab.com/security/tokens/#token-prefixes
  ["a GitLab token", /(?<!\w)glpat-[\w-]{20}/],
  // https://docs.slack.dev/authentication/tokens and https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
  ["a Slack token", /(?<!\w)xox[abeprs]-\d[\d-]{7,}-[\w-]{8,}/],
  ["a Slack webhook", /hooks\.slack\.com\/services\/T\w{6,}\/B\w{6,}\/\w{20,}/],
  // https://docs.stripe.com/keys
  ["a Stripe key", /(?<!\w)[rs]k_live_[A-Za-z0-9]{16,}/],
  // https://docs.cloud.google.com/docs/authentication/api-keys
  ["a Google API key", /(?<!\w)AIza[\w-]{35}(?![\w-])/],
  // Header and payload are JSON objects in base64url, and {" is eyJ. https://www.rfc-editor.org/rfc/rfc7519
  ["a JSON Web Token", /(?<!\w)eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}/],
];

/** Returns which kind of secret a text contains, such as `an AWS access key id`; null if it contains none that has a known format. */
export function secretIn(text: string): string | null {
  return FORMATS.find(([, pattern]) => pattern.test(text))?.[0] ?? null;
}

/** Returns a tag value; if it contains a secret, what it contains instead. */
export function hideSecret(value: string): string {
  const kind = secretIn(value);
  return kind === null ? value : `(hidden: ${kind})`;
}
