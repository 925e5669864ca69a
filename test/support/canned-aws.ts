/** An AWS of canned documents: it responds to each call that the function makes, and keeps no state but the list of calls. */
import { createServer, type IncomingMessage } from "node:http";
import { type Served, serveOnLoopback } from "./loopback.ts";

/** A call in AWS's query protocol. */
export interface Call {
  readonly action: string;
  readonly parameters: URLSearchParams;
}

/** Reads the body of a call. */
export function callOf(body: string): Call {
  const parameters = new URLSearchParams(body);
  return { action: parameters.get("Action") ?? "", parameters };
}

/** Returns whether an instance has the required tags: its id decides. All others have no tags. */
export function isTagged(instanceId: string): boolean {
  return instanceId.startsWith("i-c0de");
}

/** The responses of the calls in AWS's JSON protocol. */
const JSON_RESPONSES: Readonly<Record<string, string>> = {
  ListAccounts: '{"Accounts":[]}',
  SendMessage: '{"MessageId":"94f20ce6"}',
};

/** Returns the XML, or the JSON, of a successful call. Takes the tag keys of a tagged instance. Throws Error for a call that the function never makes. */
export function cannedResponse({ action, parameters }: Call, tagKeys: readonly string[] = ["Name", "service"]): string {
  const json = JSON_RESPONSES[action];
  if (json !== undefined) return json;
  const result = resultOf(action, parameters, tagKeys);
  return `<${action}Response><requestId>1</requestId>${result}</${action}Response>`;
}

function resultOf(action: string, parameters: URLSearchParams, tagKeys: readonly string[]): string {
  switch (action) {
    case "DescribeTags": {
      const items = filtered(parameters)
        .filter(isTagged)
        .flatMap((id) => tagKeys.map((key) => tagItem(id, key)));
      return `<tagSet>${items.join("")}</tagSet>`;
    }
    case "DescribeInstances":
      return `<reservationSet>${filtered(parameters).map(instanceItem).join("")}</reservationSet>`;
    case "DescribeRegions":
      return "<regionInfo><item><regionName>us-east-1</regionName><optInStatus>opt-in-not-required</optInStatus></item></regionInfo>";
    case "Publish":
      return "<PublishResult><MessageId>94f20ce6</MessageId></PublishResult>";
    case "Subscribe":
      return "<SubscribeResult><SubscriptionArn>pending confirmation</SubscriptionArn></SubscribeResult>";
    case "ConfirmSubscription":
      return "<ConfirmSubscriptionResult><SubscriptionArn>arn:aws:sns:eu-central-1:444455556666:x:1</SubscriptionArn></ConfirmSubscriptionResult>";
    case "GetCallerIdentity":
      return "<GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult>";
    case "AssumeRole":
      return credentials("ASIAIOSFODNN7EXAMPLE", new Date(Date.now() + 3_600_000));
    default:
      throw new Error(`the function never calls ${action}`);
  }
}

/** Returns the XML of AssumeRole. */
export function assumedRole(accessKeyId: string, expiration: Date): string {
  return `<AssumeRoleResponse>${credentials(accessKeyId, expiration)}</AssumeRoleResponse>`;
}

function credentials(accessKeyId: string, expiration: Date): string {
  return `<AssumeRoleResult><Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>assumed-secret</SecretAccessKey><SessionToken>assumed-token</SessionToken><Expiration>${expiration.toISOString()}</Expiration></Credentials></AssumeRoleResult>`;
}

function filtered(parameters: URLSearchParams): string[] {
  return [...parameters].filter(([name]) => /^Filter\.1\.Value\.\d+$/.test(name)).map(([, value]) => value);
}

function tagItem(id: string, key: string): string {
  return `<item><resourceId>${id}</resourceId><resourceType>instance</resourceType><key>${key}</key><value>web</value></item>`;
}

/** Most of the fields of a real instance; EC2's own document is about three times as long. */
function instanceItem(id: string): string {
  return `<item><reservationId>r-1</reservationId><ownerId>123456789012</ownerId><groupSet/><instancesSet><item><instanceId>${id}</instanceId><imageId>ami-0abcdef1234567890</imageId><instanceState><code>16</code><name>running</name></instanceState><privateDnsName>ip-10-0-0-1.ec2.internal</privateDnsName><keyName>ops</keyName><instanceType>t3.micro</instanceType><launchTime>2026-11-23T07:00:00.000Z</launchTime><placement><availabilityZone>us-east-1a</availabilityZone><tenancy>default</tenancy></placement><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId><privateIpAddress>10.0.0.1</privateIpAddress><architecture>x86_64</architecture><rootDeviceType>ebs</rootDeviceType><groupSet><item><groupId>sg-1</groupId><groupName>default</groupName></item></groupSet></item></instancesSet></item>`;
}

/** Returns the XML of a response with status 200; null for none, where the hook has dealt with the connection itself. */
export type Respond = (call: Call, request: IncomingMessage) => string | null | Promise<string | null>;

export interface CannedAws extends Served {
  /** The calls so far, in the order of their arrival. */
  readonly calls: Call[];
}

/** Serves a canned AWS on loopback. `respond` is the hook for faults. */
export async function startCannedAws(respond: Respond = (call) => cannedResponse(call)): Promise<CannedAws> {
  const calls: Call[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const [, action] = String(request.headers["x-amz-target"] ?? "").split(".");
    const call = { ...callOf(Buffer.concat(chunks).toString()), ...(action !== undefined && { action }) };
    calls.push(call);
    const xml = await respond(call, request);
    if (xml === null) return;
    response.writeHead(200, { "Content-Type": "text/xml;charset=UTF-8", "Content-Length": Buffer.byteLength(xml) });
    response.end(xml);
  });
  server.keepAliveTimeout = 0;
  return { ...(await serveOnLoopback(server)), calls };
}
