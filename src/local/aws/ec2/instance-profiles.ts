import { createHash } from "node:crypto";
import { arn, hex } from "../arns.ts";
import type { Clock } from "../clock.ts";
import { AwsError } from "../errors.ts";
import { type Params, structure, text } from "../params.ts";
import type { XmlFields } from "../service.ts";
import { time } from "./fields.ts";
import type { Ec2State, Instance } from "./model.ts";
import { findInstances, missing } from "./validation.ts";

/** Returns the instance profile with a name or ARN. Profiles are not stored: every one exists. */
export function profileOf(state: Ec2State, nameOrArn: string): NonNullable<Instance["instanceProfile"]> {
  const profileArn = nameOrArn.startsWith("arn:")
    ? nameOrArn
    : arn("iam", state.region, state.account, `instance-profile/${nameOrArn}`, "global");
  const digest = createHash("sha256").update(profileArn).digest("hex");
  return { arn: profileArn, id: `AIPA${digest.slice(0, 17).toUpperCase()}` };
}

/** Returns the name or ARN in the parameter `IamInstanceProfile`; undefined without it. */
export function requestedProfile(params: Params): string | undefined {
  const profile = structure(params, "IamInstanceProfile");
  return text(profile, "Arn") ?? text(profile, "Name");
}

/** AssociateIamInstanceProfile. */
export function associateProfile(state: Ec2State, params: Params, clock: Clock): XmlFields {
  const [id, profile] = [text(params, "InstanceId"), requestedProfile(params)];
  if (id === undefined) throw missing("InstanceId");
  if (profile === undefined) throw missing("IamInstanceProfile");
  for (const instance of findInstances(state, [id])) {
    if (instance.instanceProfile !== undefined) {
      throw new AwsError("IncorrectState", `There is an existing association for instance ${id}`);
    }
    instance.instanceProfile = profileOf(state, profile);
  }
  return {
    iamInstanceProfileAssociation: {
      associationId: `iip-assoc-${hex(17)}`,
      instanceId: id,
      iamInstanceProfile: state.instances.get(id)?.instanceProfile,
      state: "associating",
      timestamp: time(clock.now()),
    },
  };
}
