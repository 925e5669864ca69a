import { NodeHttpHandler } from "@smithy/node-http-handler";
import { vi } from "vitest";

/** A request as it would have left this machine. */
export interface Sent {
  readonly protocol: string;
  readonly hostname: string;
  /** AWS's name for the call, and its parameters. */
  readonly action: string | null;
  readonly parameters: URLSearchParams;
  /** Who signed it, and for which region and service. */
  readonly accessKeyId: string | undefined;
  readonly scope: string | undefined;
  readonly sessionToken: string | undefined;
}

/** What the network answers: a body with status 200, a refusal, or an error for a connection that failed. */
export type Answer = (sent: Sent) => string | Refusal | Error;

interface Refusal {
  readonly statusCode: number;
  readonly body: string;
}

/**
 * Puts an AWS in place of the network, below the whole SDK: what arrives here is signed and would have been sent.
 * Answers the list of what was sent, as it grows.
 */
export function interceptNetwork(answer: Answer = answerAsAws): Sent[] {
  const sent: Sent[] = [];
  vi.spyOn(NodeHttpHandler.prototype, "handle").mockImplementation(async ({ protocol, hostname, headers, body }) => {
    const parameters = new URLSearchParams(String(body));
    const [, accessKeyId, scope] =
      /Credential=([^/]+)\/\d{8}\/([^/]+\/[^/]+)\//.exec(headers.authorization ?? "") ?? [];
    const sessionToken = headers["x-amz-security-token"];
    const request = {
      protocol,
      hostname,
      action: parameters.get("Action"),
      parameters,
      accessKeyId,
      scope,
      sessionToken,
    };
    sent.push(request);
    const answered = answer(request);
    if (answered instanceof Error) throw answered;
    const { statusCode, body: text } = typeof answered === "string" ? { statusCode: 200, body: answered } : answered;
    return { response: { statusCode, headers: {}, body: new TextEncoder().encode(text) } } as never;
  });
  return sent;
}

/** What STS answers to who holds keys of an account. */
function callerIdentity(account: string): string {
  return `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>${account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`;
}

/** What AWS answers to a call that finds nothing to object to. */
export function answerAsAws({ action }: Pick<Sent, "action">): string {
  switch (action) {
    case "DescribeTags":
      return "<DescribeTagsResponse><tagSet/></DescribeTagsResponse>";
    case "DescribeInstances":
      return "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>";
    case "Publish":
      return "<PublishResponse><PublishResult><MessageId>94f20ce6</MessageId></PublishResult></PublishResponse>";
    case "GetCallerIdentity":
      return callerIdentity("123456789012");
    case "AssumeRole":
      return assumedRole("ASIAIOSFODNN7EXAMPLE", new Date(Date.now() + 3_600_000));
    default:
      throw new Error(`nobody expected ${action}`);
  }
}

/** EC2's refusal with an error code. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html */
export function refusedByEc2(code: string): Refusal {
  const error = `<Errors><Error><Code>${code}</Code><Message>-</Message></Error></Errors>`;
  return { statusCode: 403, body: `<Response>${error}<RequestID>ea966190</RequestID></Response>` };
}

/** STS's answer to AssumeRole. */
export function assumedRole(accessKeyId: string, expiration: Date): string {
  return `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>${accessKeyId}</AccessKeyId>
    <SecretAccessKey>assumed-secret</SecretAccessKey><SessionToken>assumed-token</SessionToken>
    <Expiration>${expiration.toISOString()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`;
}
