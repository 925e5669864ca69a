/** What AWS's APIs answer to the calls of an audit, for one process to ask itself: no network, no clock, no state. */

/** Instances with such an id keep every rule; all others have no tags. */
const KEEPS_THE_RULES = /^i-c0de/;

/**
 * The XML that AWS answers to a call of the query protocol. Takes the call's parameters, and the tag keys that a compliant
 * instance has. Throws for a call that no audit makes.
 */
export function answerAsAws(parameters: URLSearchParams, tagKeys: readonly string[]): string {
  const action = parameters.get("Action");
  switch (action) {
    case "DescribeTags": {
      const kept = filterValues(parameters).filter((id) => KEEPS_THE_RULES.test(id));
      const items = kept.flatMap((id) => tagKeys.map((key) => tagItem(id, key)));
      return `<DescribeTagsResponse><tagSet>${items.join("")}</tagSet></DescribeTagsResponse>`;
    }
    case "DescribeInstances": {
      const items = filterValues(parameters).map(instanceItem);
      return `<DescribeInstancesResponse><reservationSet>${items.join("")}</reservationSet></DescribeInstancesResponse>`;
    }
    case "Publish":
      return "<PublishResponse><PublishResult><MessageId>94f20ce6</MessageId></PublishResult></PublishResponse>";
    case "Subscribe":
      return "<SubscribeResponse><SubscribeResult><SubscriptionArn>pending confirmation</SubscriptionArn></SubscribeResult></SubscribeResponse>";
    case "ConfirmSubscription":
      return "<ConfirmSubscriptionResponse><ConfirmSubscriptionResult><SubscriptionArn>arn:aws:sns:eu-central-1:444455556666:x:1</SubscriptionArn></ConfirmSubscriptionResult></ConfirmSubscriptionResponse>";
    case "GetCallerIdentity":
      return "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
    case "AssumeRole":
      return `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>assumed-secret</SecretAccessKey><SessionToken>assumed-token</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`;
    default:
      throw new Error(`no audit calls ${action}`);
  }
}

/** Whether the stand-in shows this instance as one that breaks the rules. */
export function breaksTheRules(instanceId: string): boolean {
  return !KEEPS_THE_RULES.test(instanceId);
}

function filterValues(parameters: URLSearchParams): string[] {
  return [...parameters].filter(([name]) => /^Filter\.1\.Value\.\d+$/.test(name)).map(([, value]) => value);
}

function tagItem(id: string, key: string): string {
  return `<item><resourceId>${id}</resourceId><resourceType>instance</resourceType><key>${key}</key><value>x</value></item>`;
}

function instanceItem(id: string): string {
  return `<item><instancesSet><item><instanceId>${id}</instanceId><instanceState><code>16</code><name>running</name></instanceState></item></instancesSet></item>`;
}
