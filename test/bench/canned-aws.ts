import { createServer } from "node:http";

/**
 * A process of its own: an endpoint that answers the calls an audit makes as fast as it can, so that what is measured is
 * the function. Instances whose id begins with `i-bad` have no tags. Tells its port, and how often each action was
 * called since it was last asked, over the IPC channel.
 */
const calls: Record<string, number> = {};

function describeTags(ids: readonly string[]): string {
  const items = ids
    .filter((id) => !id.startsWith("i-bad"))
    .map(
      (id) =>
        `<item><resourceId>${id}</resourceId><resourceType>instance</resourceType><key>Name</key><value>web-1</value></item><item><resourceId>${id}</resourceId><resourceType>instance</resourceType><key>service</key><value>web</value></item>`,
    );
  return `<?xml version="1.0" encoding="UTF-8"?><DescribeTagsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId><tagSet>${items.join("")}</tagSet></DescribeTagsResponse>`;
}

/** An instance with the fields that a real answer has most of; EC2's own is about three times as long. */
function describeInstances(ids: readonly string[]): string {
  const items = ids.map(
    (id) =>
      `<item><reservationId>r-1</reservationId><ownerId>123456789012</ownerId><groupSet/><instancesSet><item><instanceId>${id}</instanceId><imageId>ami-0abcdef1234567890</imageId><instanceState><code>16</code><name>running</name></instanceState><privateDnsName>ip-10-0-0-1.ec2.internal</privateDnsName><keyName>ops</keyName><instanceType>t3.micro</instanceType><launchTime>2026-11-23T07:00:00.000Z</launchTime><placement><availabilityZone>us-east-1a</availabilityZone><tenancy>default</tenancy></placement><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId><privateIpAddress>10.0.0.1</privateIpAddress><architecture>x86_64</architecture><rootDeviceType>ebs</rootDeviceType><groupSet><item><groupId>sg-1</groupId><groupName>default</groupName></item></groupSet></item></instancesSet></item>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?><DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId><reservationSet>${items.join("")}</reservationSet></DescribeInstancesResponse>`;
}

const PUBLISHED =
  '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>1</MessageId></PublishResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></PublishResponse>';

const IDENTITY =
  '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>';

function answer(body: string): string {
  const action = /(?:^|&)Action=(\w+)/.exec(body)?.[1] ?? "none";
  calls[action] = (calls[action] ?? 0) + 1;
  const ids = [...body.matchAll(/Filter\.1\.Value\.\d+=(i-\w+)/g)].map(([, id]) => id ?? "");
  if (action === "DescribeTags") return describeTags(ids);
  if (action === "DescribeInstances") return describeInstances(ids);
  if (action === "GetCallerIdentity") return IDENTITY;
  return PUBLISHED;
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const xml = answer(Buffer.concat(chunks).toString("latin1"));
    response.writeHead(200, { "Content-Type": "text/xml;charset=UTF-8", "Content-Length": Buffer.byteLength(xml) });
    response.end(xml);
  });
});

process.on("message", () => {
  process.send?.({ calls: { ...calls } });
  for (const action of Object.keys(calls)) delete calls[action];
});
process.on("disconnect", () => process.exit());
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object") process.send?.({ port: address?.port });
});
