import type { ApiCall } from "./calls.ts";
import type { AwsError } from "./errors.ts";
import { faultError } from "./faults.ts";

/** https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html: enabled in every account. */
const DEFAULT_REGIONS = [
  "ap-northeast-1",
  "ap-northeast-2",
  "ap-northeast-3",
  "ap-south-1",
  "ap-southeast-1",
  "ap-southeast-2",
  "ca-central-1",
  "eu-central-1",
  "eu-north-1",
  "eu-west-1",
  "eu-west-2",
  "eu-west-3",
  "sa-east-1",
  "us-east-1",
  "us-east-2",
  "us-west-1",
  "us-west-2",
] as const;

/** The same page: disabled until an account enables them. */
const OPT_IN_REGIONS = [
  "af-south-1",
  "ap-east-1",
  "ap-east-2",
  "ap-south-2",
  "ap-southeast-3",
  "ap-southeast-4",
  "ap-southeast-5",
  "ap-southeast-6",
  "ap-southeast-7",
  "ca-west-1",
  "eu-central-2",
  "eu-south-1",
  "eu-south-2",
  "il-central-1",
  "me-central-1",
  "me-south-1",
  "mx-central-1",
] as const;

/** Services with one endpoint for all regions of the partition. */
const GLOBAL_SERVICES = ["iam", "organizations"];

/** A region, as an account sees it. */
export interface Region {
  readonly name: string;
  readonly optInStatus: "opt-in-not-required" | "opted-in" | "not-opted-in";
}

/** Which regions each account has enabled. At first: those that need no opt-in. */
export interface Regions {
  /** Enables a region that needs an opt-in. @throws RangeError for another region, as AWS refuses it */
  enable(region: string, account: string): void;
  /** Disables a region that needs an opt-in. Its resources stay. @throws RangeError for another region, as AWS refuses it */
  disable(region: string, account: string): void;
  /** Returns all commercial regions. */
  list(account: string): Region[];
  /**
   * Returns the error for a call in a region that the account has not enabled: that of credentials which the region does not know,
   * because IAM distributes them only to enabled regions.
   * https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
   */
  refusal(call: ApiCall): AwsError | undefined;
}

/** Returns the regions of the commercial partition. Regions of other partitions are always enabled. */
export function createRegions(): Regions {
  /** `account region` of the enabled ones that need it. */
  const optedIn = new Set<string>();
  const needsOptIn = (region: string) => OPT_IN_REGIONS.some((each) => each === region);

  function key(region: string, account: string): string {
    if (!needsOptIn(region)) throw new RangeError(`AWS enables and disables only opt-in regions, and not ${region}`);
    return `${account} ${region}`;
  }
  const isOptedIn = (region: string, account: string) => optedIn.has(`${account} ${region}`);

  return {
    enable: (region, account) => {
      optedIn.add(key(region, account));
    },
    disable: (region, account) => {
      optedIn.delete(key(region, account));
    },
    list: (account) => [
      ...DEFAULT_REGIONS.map((name): Region => ({ name, optInStatus: "opt-in-not-required" })),
      ...OPT_IN_REGIONS.map(
        (name): Region => ({ name, optInStatus: isOptedIn(name, account) ? "opted-in" : "not-opted-in" }),
      ),
    ],
    refusal: ({ service, action, region, account }) => {
      if (GLOBAL_SERVICES.includes(service) || !needsOptIn(region) || isOptedIn(region, account)) return undefined;
      return faultError("bad-key", service, action, "");
    },
  };
}
