import { describeError } from "../util/errors.ts";
import { escapeUnseen } from "../util/json.ts";
import { CliError } from "./cli-error.ts";

/** An error as text for the operator: the problem and, where it is known, the fix. */
interface Explanation {
  readonly message: string;
  readonly hint?: string;
}

/** The error of a response that does not come from AWS. */
export const NOT_AWS = { message: "the response did not come from AWS", hint: "Check AWS_ENDPOINT_URL." } as const;

const RETRY = "Nothing is lost: run the command again in a minute.";

/** Errors of AWS and the SDK, by the error's name or message: the SDK's own errors have no code. The first match counts. */
const KNOWN: readonly {
  readonly when: RegExp;
  readonly message: (text: string) => string;
  readonly hint: string;
}[] = [
  {
    when: /\bsso\b.*(?:expired|invalid|not found)|token.*\bsso\b|refresh.*\bsso\b|\bsso session/i,
    message: () => "the AWS sign-in (SSO) has expired",
    hint: "Sign in again: aws sso login, with --profile NAME if you use one.",
  },
  {
    when: /requires multi-factor authentication/i,
    message: () => "the profile requires a one-time code (MFA), which ec2-audit does not prompt for",
    hint: `The AWS CLI (version 2) prompts for it: eval "$(aws configure export-credentials --format env --profile NAME)"
Then run the command without --profile and AWS_PROFILE.`,
  },
  {
    when: /CredentialsProviderError|could not load credentials/i,
    message: () => "no AWS credentials were found",
    hint: `Sign in with aws sso login or aws configure, and name the profile with --profile or AWS_PROFILE (aws configure
list-profiles lists the profiles). Or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`,
  },
  {
    when: /ExpiredToken|RequestExpired/,
    message: () => "the AWS credentials have expired",
    hint: "Sign in again. If they are new, check this machine's clock.",
  },
  {
    when: /InvalidClientTokenId|UnrecognizedClient|AuthFailure|InvalidAccessKeyId|SignatureDoesNotMatch|IncompleteSignature/,
    message: (text) => `AWS does not accept these credentials: ${text}`,
    hint: `Check that they are complete and belong to the right partition. An opt-in region that is not enabled gives the same error:
aws account list-regions lists the enabled regions.`,
  },
  {
    when: /AccessDenied|AuthorizationError|UnauthorizedOperation|not authorized to perform/,
    message: (text) => `AWS does not allow this: ${text}`,
    hint: "Ask for permission to call the action named above, or use another --profile. The command's --help lists the actions it calls.",
  },
  {
    when: /ENOTFOUND|EAI_AGAIN/,
    message: (text) => `the host does not exist: ${text}`,
    hint: "Check the region's name (--region) and the network connection.",
  },
  {
    // The SDK cannot parse the response, or finds no error name in it.
    when: /XML parse error|^SyntaxError: Unexpected (?:token '<'|non-whitespace)|^\w+: Unknown(?:Error)?$/,
    message: () => NOT_AWS.message,
    hint: NOT_AWS.hint,
  },
  {
    when: /ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ETIMEDOUT|TimeoutError|socket hang up/i,
    message: (text) => `AWS could not be reached: ${text}`,
    hint: "Check the network connection and any proxy. If AWS_ENDPOINT_URL is set, check that an emulator listens there.",
  },
  {
    when: /Throttl|TooManyRequests|RequestLimitExceeded/,
    message: (text) => `AWS throttled the call: ${text}`,
    hint: RETRY,
  },
  {
    when: /^(?:Internal(?:Error|Failure|ServerError|Exception)|Internal\w*Exception|ServiceUnavailable|Unavailable)\w*:/,
    message: (text) => `AWS failed: ${text}`,
    hint: RETRY,
  },
];

/** Returns the text for anything a command threw. It contains no secret and no signature. */
export function explain(error: unknown): Explanation {
  if (error instanceof CliError) return { message: error.message, ...(error.hint && { hint: error.hint }) };
  const text = textOf(error);
  const known = KNOWN.find(({ when }) => when.test(text));
  const plain = withoutTags(text);
  return known ? { message: known.message(plain), hint: known.hint } : { message: plain };
}

/** A failed connection is an AggregateError when the host has several addresses: the first error is enough. */
function textOf(error: unknown): string {
  const first = error instanceof AggregateError && error.message === "" ? error.errors[0] : error;
  return escapeUnseen(describeError(first));
}

/** Removes JavaScript's error class and the SDK's package name, which do not help an operator. */
function withoutTags(text: string): string {
  return text.replace(/^(?:Type|Syntax|Range)?Error: /, "").replace(/@(?:smithy|aws-sdk)\/[\w-]+ - (?:\[\w+\] )?/, "");
}
