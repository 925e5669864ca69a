import { randomUUID } from "node:crypto";
import type { Clock } from "../clock.ts";
import { AwsError } from "../errors.ts";
import type { Emit } from "../events/bus.ts";
import { integer, type Params, text } from "../params.ts";
import type { Regions } from "../regions.ts";
import type { Caller, QueryService, XmlFields } from "../service.ts";
import { modifyInstanceAttribute, modifyInterfaceAttribute } from "./attributes.ts";
import { describeInstances, describeTags } from "./describe.ts";
import { runInstancesTrail } from "./event-shapes.ts";
import { stateFields } from "./fields.ts";
import { describeInstanceImageMetadata } from "./image-metadata.ts";
import { createInProcessEc2, type InProcessEc2 } from "./in-process.ts";
import { reservationFields } from "./instance.ts";
import {
  associateProfile,
  describeAssociations,
  disassociateProfile,
  replaceAssociation,
} from "./instance-profiles.ts";
import { Instances } from "./instances.ts";
import { readOptions } from "./launch-options.ts";
import { createLifecycle } from "./lifecycle.ts";
import { modifyMetadataOptions } from "./metadata-options.ts";
import type { Ec2State } from "./model.ts";
import { describeRegions } from "./regions.ts";
import { authorizeIngress, createSecurityGroup, describeSecurityGroups, revokeIngress } from "./security-groups.ts";
import { createTags, deleteTags } from "./tags.ts";
import { findInstances, missing, requiredInstances, specifiedTags } from "./validation.ts";
import { describeVolumes, enableEncryption } from "./volumes.ts";
import { addDefaultVpc, createSubnet, createVpc, describeVpcs } from "./vpcs.ts";

/** The maximum of instances of one RunInstances call. In AWS the account's quota is the limit, which is lower. */
const MAX_LAUNCH = 1000;
/** The resources that RunInstances can tag. */
const LAUNCHED = ["instance", "volume", "network-interface", "spot-instances-request"];

/**
 * Returns EC2, by its API and in process: launches, tags, describes and terminates instances in each account and region.
 * @param trail also emits CloudTrail's event for each RunInstances call
 * @param accountId the default account of launches in process
 * @param regions which regions each account has enabled
 */
export function createEc2(
  clock: Clock,
  emit: Emit,
  trail: boolean,
  accountId: string,
  regions: Regions,
): InProcessEc2 & { service: QueryService } {
  const states = new Map<string, Ec2State>();
  const lifecycle = createLifecycle(clock, emit);

  function stateOf({ account, region }: { account: string; region: string }): Ec2State {
    const key = `${account} ${region}`;
    const state = states.get(key) ?? newEc2State(account, region);
    states.set(key, state);
    return state;
  }

  function runInstances(params: Params, caller: Caller): XmlFields {
    const state = stateOf(caller);
    const options = readOptions(state, params);
    const [min, max] = [integer(params, "MinCount"), integer(params, "MaxCount")];
    if (min === undefined) throw missing("MinCount");
    if (max === undefined) throw missing("MaxCount");
    if (!(min >= 1 && max >= min)) {
      throw new AwsError(
        "InvalidParameterValue",
        "The values of MinCount and MaxCount must be 1 <= MinCount <= MaxCount",
      );
    }
    if (max > MAX_LAUNCH) throw new AwsError("InstanceLimitExceeded", `You may launch at most ${MAX_LAUNCH} instances`);
    const [tags, volumeTags] = [specifiedTags(params, "instance", LAUNCHED), specifiedTags(params, "volume", LAUNCHED)];
    const token = text(params, "ClientToken");
    const fingerprint = JSON.stringify(params);
    const known = token === undefined ? undefined : state.launches.get(token);
    if (known !== undefined) {
      if (known.fingerprint !== fingerprint) {
        throw new AwsError(
          "IdempotentParameterMismatch",
          "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
        );
      }
      return reservationFields(findInstances(state, known.ids));
    }
    refuseDryRun(params);
    const launched = lifecycle.launch(state, caller, {
      count: max,
      options,
      clientToken: token,
      tags,
      volumeTags,
    });
    if (token !== undefined) state.launches.set(token, { fingerprint, ids: launched.map(({ id }) => id) });
    if (trail) emit(runInstancesTrail(launched, caller, params, clock.now()));
    return reservationFields(launched);
  }

  /** Terminates, stops or starts the instances, and returns the previous and the current state of each. */
  function moving(to: "terminated" | "stopped" | "running") {
    return (params: Params, caller: Caller): XmlFields => {
      const state = stateOf(caller);
      const instances = requiredInstances(state, params);
      const from = to === "running" ? "stopped" : "running";
      const wrong =
        to === "terminated" ? undefined : instances.find((each) => each.state !== from && each.state !== to);
      if (wrong !== undefined) {
        throw new AwsError(
          "IncorrectInstanceState",
          `The instance '${wrong.id}' is not in a state from which it can be ${to === "running" ? "started" : "stopped"}.`,
        );
      }
      const before = instances.map((instance) => instance.state);
      lifecycle.move(state, instances, to);
      return {
        instancesSet: instances.map((instance, index) => ({
          instanceId: instance.id,
          currentState: stateFields(instance.state),
          previousState: stateFields(before[index] ?? instance.state),
        })),
      };
    };
  }

  function modifyManagedResourceVisibility(params: Params, caller: Caller): XmlFields {
    const asked = text(params, "DefaultVisibility");
    if (asked === undefined) throw missing("DefaultVisibility");
    if (asked !== "hidden" && asked !== "visible") {
      throw new AwsError("InvalidParameterValue", `Value (${asked}) for parameter DefaultVisibility is invalid.`);
    }
    stateOf(caller).managedHidden = asked === "hidden";
    return { visibility: { defaultVisibility: asked } };
  }

  const service: QueryService = {
    protocol: "ec2",
    namespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
    actions: {
      RunInstances: runInstances,
      CreateTags: (params, caller) => createTags(stateOf(caller), params, emit),
      DeleteTags: (params, caller) => deleteTags(stateOf(caller), params, emit),
      DescribeTags: (params, caller) => describeTags(stateOf(caller), params),
      DescribeRegions: (params, caller) => describeRegions(regions.list(caller.account), params),
      DescribeInstances: (params, caller) => describeInstances(stateOf(caller), params),
      DescribeInstanceImageMetadata: (params, caller) => describeInstanceImageMetadata(stateOf(caller), params),
      DescribeSecurityGroups: (params, caller) => describeSecurityGroups(stateOf(caller), params),
      DescribeVolumes: (params, caller) => describeVolumes(stateOf(caller), params),
      DescribeVpcs: (params, caller) => describeVpcs(stateOf(caller), params),
      CreateVpc: (params, caller) => createVpc(stateOf(caller), params),
      CreateSubnet: (params, caller) => createSubnet(stateOf(caller), params),
      CreateSecurityGroup: (params, caller) => createSecurityGroup(stateOf(caller), params),
      AuthorizeSecurityGroupIngress: (params, caller) => authorizeIngress(stateOf(caller), params),
      RevokeSecurityGroupIngress: (params, caller) => revokeIngress(stateOf(caller), params),
      ModifyInstanceAttribute: (params, caller) => modifyInstanceAttribute(stateOf(caller), params),
      ModifyNetworkInterfaceAttribute: (params, caller) => modifyInterfaceAttribute(stateOf(caller), params),
      ModifyInstanceMetadataOptions: (params, caller) => modifyMetadataOptions(stateOf(caller), params, clock),
      DescribeIamInstanceProfileAssociations: (params, caller) => describeAssociations(stateOf(caller), params),
      AssociateIamInstanceProfile: (params, caller) => associateProfile(stateOf(caller), params, clock),
      ReplaceIamInstanceProfileAssociation: (params, caller) => replaceAssociation(stateOf(caller), params, clock),
      DisassociateIamInstanceProfile: (params, caller) => disassociateProfile(stateOf(caller), params),
      EnableEbsEncryptionByDefault: (_, caller) => enableEncryption(stateOf(caller)),
      ModifyManagedResourceVisibility: modifyManagedResourceVisibility,
      TerminateInstances: moving("terminated"),
      StopInstances: moving("stopped"),
      StartInstances: moving("running"),
    },
  };
  return { service, ...createInProcessEc2({ clock, emit, trail, lifecycle, stateOf }, accountId) };
}

/** Returns a region of an account, with its default VPC. */
function newEc2State(account: string, region: string): Ec2State {
  const state: Ec2State = {
    account,
    region,
    instances: new Instances(),
    launches: new Map(),
    vpcs: new Map(),
    subnets: new Map(),
    securityGroups: new Map(),
    images: new Map(),
    ebsKey: randomUUID(),
    encryptsVolumes: false,
    launched: 0,
    managedHidden: false,
  };
  addDefaultVpc(state);
  return state;
}

function refuseDryRun(params: Params): void {
  if (text(params, "DryRun") === "true") {
    throw new AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412);
  }
}
