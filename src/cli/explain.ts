import { describeError } from "../util/errors.ts";
import { escapeUnseen } from "../util/json.ts";
import { CliError } from "./cli-error.ts";

/** An error as an operator can use it: what is wrong, and what to do where that is known. */
interface Explanation {
  readonly message: string;
  readonly hint?: string;
}

/** What a server is that answers as AWS never does. */
export const NOT_AWS = { message: "something that is not AWS answered", hint: "Is AWS_ENDPOINT_URL right?" } as const;

const AGAIN = "Nothing is lost: run the command again in a minute.";

/** What AWS and the SDK say, by the error's name or message, and what it means to somebody at a terminal. */
const KNOWN: readonly {
  readonly when: RegExp;
  readonly message: (told: string) => string;
  readonly hint: string;
}[] = [
  {
    when: /\bsso\b.*(?:expired|invalid|not found)|token.*\bsso\b|refresh.*\bsso\b|\bsso session/i,
    message: () => "the AWS sign-in (SSO) is over",
    hint: "Sign in again: aws sso login, with --profile NAME if you use one.",
  },
  {
    when: /requires multi-factor authentication/i,
    message: () => "the profile takes a one-time code (MFA), which is not asked for here",
    hint: `The AWS CLI (version 2) asks for it: eval "$(aws configure export-credentials --format env --profile NAME)"
Then run the command without --profile and AWS_PROFILE.`,
  },
  {
    when: /CredentialsProviderError|could not load credentials/i,
    message: () => "no AWS credentials were found",
    hint: `Sign in with aws sso login or aws configure, and name the profile with --profile or AWS_PROFILE (aws configure
list-profiles shows those there are); or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`,
  },
  {
    when: /ExpiredToken|RequestExpired/,
    message: () => "the AWS credentials have expired",
    hint: "Sign in again. If they have only just been issued, look at this machine's clock.",
  },
  {
    when: /InvalidClientTokenId|UnrecognizedClient|AuthFailure|InvalidAccessKeyId|SignatureDoesNotMatch|IncompleteSignature/,
    message: (told) => `AWS does not take these credentials: ${told}`,
    hint: `Are they whole, and of the right partition? A region that has to be switched on first (opt-in) answers the same:
aws account list-regions shows which are on.`,
  },
  {
    when: /AccessDenied|AuthorizationError|UnauthorizedOperation|not authorized to perform/,
    message: (told) => `AWS does not allow this: ${told}`,
    hint: "Have the action that is named allowed to you, or use another --profile. The command's --help names what it calls.",
  },
  {
    when: /ENOTFOUND|EAI_AGAIN/,
    message: (told) => `there is no such host: ${told}`,
    hint: "Is the region's name right (--region), and is there a network?",
  },
  {
    // The SDK cannot read the answer, or finds no error's name in it.
    when: /XML parse error|^SyntaxError: Unexpected (?:token '<'|non-whitespace)|^\w+: Unknown(?:Error)?$/,
    message: () => NOT_AWS.message,
    hint: NOT_AWS.hint,
  },
  {
    when: /ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ETIMEDOUT|TimeoutError|socket hang up/i,
    message: (told) => `AWS could not be reached: ${told}`,
    hint: "Is there a network or a proxy in between? Is AWS_ENDPOINT_URL, if it is set, where the emulator listens?",
  },
  {
    when: /Throttl|TooManyRequests|RequestLimitExceeded/,
    message: (told) => `AWS has had too many calls from this account just now: ${told}`,
    hint: AGAIN,
  },
  {
    when: /^(?:Internal(?:Error|Failure|ServerError|Exception)|Internal\w*Exception|ServiceUnavailable|Unavailable)\w*:/,
    message: (told) => `AWS failed: ${told}`,
    hint: AGAIN,
  },
];

/** Takes what a command has thrown. No secret and no signature is in what it gives. */
export function explain(error: unknown): Explanation {
  if (error instanceof CliError) return { message: error.message, ...(error.hint && { hint: error.hint }) };
  const told = toldBy(error);
  const known = KNOWN.find(({ when }) => when.test(told));
  const plain = withoutTags(told);
  return known ? { message: known.message(plain), hint: known.hint } : { message: plain };
}

/** A connection that fails is several errors in one, when a host has several addresses: the first one tells it. */
function toldBy(error: unknown): string {
  const first = error instanceof AggregateError && error.message === "" ? error.errors[0] : error;
  return escapeUnseen(describeError(first));
}

/** A class of JavaScript's own, and which package of the SDK speaks, tell an operator nothing. */
function withoutTags(told: string): string {
  return told.replace(/^(?:Type|Syntax|Range)?Error: /, "").replace(/@(?:smithy|aws-sdk)\/[\w-]+ - (?:\[\w+\] )?/, "");
}
