import { resourceId } from "../arns.ts";
import type { Clock } from "../clock.ts";
import { AwsError } from "../errors.ts";
import type { Emit } from "../events/bus.ts";
import { integer, type Params, structures, text, texts } from "../params.ts";
import type { Caller, QueryService, XmlFields } from "../service.ts";
import { describeInstances, describeTags } from "./describe.ts";
import { autoScalingCaller, launchSuccessful, runInstancesTrail, tagChange } from "./event-shapes.ts";
import { type Ec2State, type Instance, newEc2State, reservationFields, stateFields } from "./instance.ts";
import { BOOT_MS, createLifecycle } from "./lifecycle.ts";
import { callerTags, checkTagLimit, findInstances, launchTags, missing, requiredInstances } from "./validation.ts";

/** What Auto Scaling shall launch. */
export interface AutoScalingLaunch {
  group: string;
  count: number;
  /** Default us-east-1. */
  region?: string;
  tags?: Record<string, string>;
}

/** How many instances one RunInstances may ask for. AWS bounds this by the account's quota; nobody's is above this. */
const MAX_LAUNCH = 1000;
const AMI = /^ami-([0-9a-f]{8}|[0-9a-f]{17})$/;

/**
 * EC2: launching, tagging, describing and ending instances, kept apart by account and region.
 * @param trail also emit CloudTrail's event for each RunInstances
 */
export function createEc2(clock: Clock, emit: Emit, trail: boolean) {
  const states = new Map<string, Ec2State>();
  const lifecycle = createLifecycle(clock, emit);

  function stateOf({ account, region }: { account: string; region: string }): Ec2State {
    const key = `${account} ${region}`;
    const state = states.get(key) ?? newEc2State();
    states.set(key, state);
    return state;
  }

  function runInstances(params: Params, caller: Caller): XmlFields {
    const state = stateOf(caller);
    const imageId = text(params, "ImageId");
    const [min, max] = [integer(params, "MinCount"), integer(params, "MaxCount")];
    if (imageId === undefined) throw missing("ImageId");
    if (!AMI.test(imageId))
      throw new AwsError("InvalidAMIID.Malformed", `Invalid id: "${imageId}" (expecting "ami-...")`);
    if (min === undefined) throw missing("MinCount");
    if (max === undefined) throw missing("MaxCount");
    if (!(min >= 1 && max >= min)) {
      throw new AwsError(
        "InvalidParameterValue",
        "The values of MinCount and MaxCount must be 1 <= MinCount <= MaxCount",
      );
    }
    if (max > MAX_LAUNCH) throw new AwsError("InstanceLimitExceeded", `You may launch at most ${MAX_LAUNCH} instances`);
    const tags = launchTags(params);
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
      imageId,
      instanceType: text(params, "InstanceType") ?? "m1.small",
      keyName: text(params, "KeyName"),
      clientToken: token,
      tags,
    });
    if (token !== undefined) state.launches.set(token, { fingerprint, ids: launched.map(({ id }) => id) });
    if (trail) emit(runInstancesTrail(launched, caller, params, clock.now()));
    return reservationFields(launched);
  }

  function createTags(params: Params, caller: Caller): XmlFields {
    const instances = tagged(stateOf(caller), params);
    if (structures(params, "Tag").length === 0) throw missing("Tag");
    const tags = callerTags(params);
    for (const instance of instances) checkTagLimit(instance.tags, tags);
    for (const instance of instances) {
      const changed = [...tags].filter(([key, value]) => instance.tags.get(key) !== value);
      for (const [key, value] of changed) instance.tags.set(key, value);
      emitTagChange(instance, changed);
    }
    return { return: true };
  }

  function emitTagChange(instance: Instance, changed: readonly (readonly [key: string, value: string])[]): void {
    if (changed.length === 0) return;
    const keys = changed.map(([key]) => key);
    emit(tagChange(instance, keys));
  }

  function deleteTags(params: Params, caller: Caller): XmlFields {
    const instances = tagged(stateOf(caller), params);
    const asked = structures(params, "Tag");
    for (const instance of instances) {
      const changed = [...instance.tags].filter(
        ([key, value]) =>
          !key.startsWith("aws:") && (asked.length === 0 || asked.some((tag) => meant(tag, key, value))),
      );
      for (const [key] of changed) instance.tags.delete(key);
      emitTagChange(instance, changed);
    }
    return { return: true };
  }

  /** Terminate, stop and start: moves the instances and answers where each was and is. */
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

  function launchAutoScaling(
    account: string,
    { group, count, region = "us-east-1", tags = {} }: AutoScalingLaunch,
  ): string[] {
    const caller = autoScalingCaller(account, region);
    const launched = lifecycle.launch(stateOf(caller), caller, {
      count,
      imageId: resourceId("ami"),
      instanceType: "m1.small",
      requesterId: "940372691376",
      tags: new Map([["aws:autoscaling:groupName", group], ...Object.entries(tags)]),
    });
    if (trail)
      emit(runInstancesTrail(launched, caller, { MinCount: String(count), MaxCount: String(count) }, clock.now()));
    // Asked for after the launch, so that it comes right behind the change to running.
    clock.after(BOOT_MS, () => {
      for (const instance of launched) {
        if (instance.state === "running") emit(launchSuccessful(instance, group, clock.now()));
      }
    });
    return launched.map(({ id }) => id);
  }

  const service: QueryService = {
    protocol: "ec2",
    namespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
    actions: {
      RunInstances: runInstances,
      CreateTags: createTags,
      DeleteTags: deleteTags,
      DescribeTags: (params, caller) => describeTags(stateOf(caller), params),
      DescribeInstances: (params, caller) => describeInstances(stateOf(caller), params),
      TerminateInstances: moving("terminated"),
      StopInstances: moving("stopped"),
      StartInstances: moving("running"),
    },
  };
  return { service, launchAutoScaling };
}

function tagged(state: Ec2State, params: Params): Instance[] {
  const ids = texts(params, "ResourceId");
  if (ids.length === 0) throw missing("ResourceId");
  const other = ids.find((id) => !id.startsWith("i-"));
  if (other !== undefined) throw new AwsError("InvalidID", `The ID '${other}' is not valid`);
  return findInstances(state, ids);
}

/** A tag in DeleteTags without a value means the key whatever its value; with one, only that value. */
function meant(tag: Params, key: string, value: string): boolean {
  return text(tag, "Key") === key && (text(tag, "Value") ?? value) === value;
}

function refuseDryRun(params: Params): void {
  if (text(params, "DryRun") === "true") {
    throw new AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412);
  }
}
