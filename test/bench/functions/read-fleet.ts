import { type DescribeInstancesCommandOutput, EC2Client, paginateDescribeInstances } from "@aws-sdk/client-ec2";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";

/**
 * The baseline of the fleet report: reads the same pages with the SDK as it is, judges nothing and writes nothing. The environment has
 * the accounts, regions and role. Its clients of an account share the default, keep-alive handler. Standard output gets the number of
 * instances.
 */
const { ACCOUNTS = "", REGIONS = "", ROLE = "" } = process.env;
/** As many as the report reads. */
const PLACES_AT_ONCE = 8;

async function readFleet(): Promise<void> {
  const sts = new STSClient();
  const accounts = ACCOUNTS.split(",").map((account) => {
    const credentials = once(() => assume(sts, account));
    return { requestHandler: new EC2Client({ credentials }).config.requestHandler, credentials };
  });
  const places = REGIONS.split(",").flatMap((region) => accounts.map((account) => ({ ...account, region })));
  const queue = places.values();
  let instances = 0;
  const read = async () => {
    for (const { region, ...account } of queue) {
      const client = new EC2Client({ ...account, region, cacheMiddleware: true });
      const filter = { Name: "instance-state-name", Values: ["pending", "running", "stopping", "stopped"] };
      const pages = paginateDescribeInstances({ client, pageSize: 1000 }, { Filters: [filter] });
      for await (const page of pages) instances += countOf(page);
    }
  };
  await Promise.all(Array.from({ length: PLACES_AT_ONCE }, read));
  console.log(instances);
}

async function assume(sts: STSClient, account: string) {
  const RoleArn = `arn:aws:iam::${account}:role/${ROLE}`;
  const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "baseline" }));
  return {
    accessKeyId: Credentials?.AccessKeyId ?? "",
    secretAccessKey: Credentials?.SecretAccessKey ?? "",
    sessionToken: Credentials?.SessionToken ?? "",
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function countOf({ Reservations = [] }: DescribeInstancesCommandOutput): number {
  return Reservations.reduce((sum, { Instances = [] }) => sum + Instances.length, 0);
}

export default readFleet();
