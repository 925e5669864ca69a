import { DescribeEffectivePolicyCommand, type OrganizationsClient } from "@aws-sdk/client-organizations";
import { answered } from "../../aws.ts";
import { CliError } from "../../cli-error.ts";

/**
 * Returns the effective tag policy of the account of the credentials, as the AWS CLI prints it. Throws CliError for an account
 * without one, and what the SDK throws otherwise.
 * https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeEffectivePolicy.html
 */
export async function readEffectiveTagPolicy(organizations: OrganizationsClient): Promise<string> {
  try {
    const { EffectivePolicy } = await organizations.send(
      new DescribeEffectivePolicyCommand({ PolicyType: "TAG_POLICY" }),
    );
    return JSON.stringify({ EffectivePolicy: answered(EffectivePolicy) });
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    if (name === "EffectivePolicyNotFoundException") {
      throw new CliError(
        "no tag policy applies to this account",
        "Attach a tag policy to the account or to a parent, or use --profile for another account.",
      );
    }
    if (name === "AWSOrganizationsNotInUseException") {
      throw new CliError("this account is not in an organization", "Use --profile for an account that is in one.");
    }
    throw error;
  }
}
