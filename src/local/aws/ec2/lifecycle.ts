import { resourceId } from "../arns.ts";
import type { Clock } from "../clock.ts";
import type { Emit } from "../events/bus.ts";
import type { Caller } from "../service.ts";
import { stateChange } from "./event-shapes.ts";
import { imageOf } from "./image-metadata.ts";
import { newAssociation } from "./instance-profiles.ts";
import { DEFAULT_METADATA_OPTIONS } from "./metadata-options.ts";
import type { Ec2State, Instance, InstanceOptions, InstanceState, Tags } from "./model.ts";
import { newInterfaces } from "./network-interfaces.ts";
import { newVolume } from "./volumes.ts";

/** The time of an instance from one state to the next, in ms: about that of a small Linux instance. */
export const BOOT_MS = 5_000;
const SHUTDOWN_MS = 10_000;
/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html: visible "for about an hour". */
const VISIBLE_MS = 3_600_000;
/** The same page: tags "may no longer be visible on the terminated instance after a short while". */
const TAGS_VISIBLE_MS = 300_000;

/** The parameters of a launch. */
export interface LaunchRequest {
  readonly count: number;
  readonly options: InstanceOptions & { readonly imageId: string };
  readonly clientToken?: string | undefined;
  readonly requesterId?: string | undefined;
  readonly operator?: string | undefined;
  readonly tags: Tags;
  /** Default: none. */
  readonly volumeTags?: Tags;
}

/** The changes of an instance's state. Each emits AWS's state-change event. */
export interface Lifecycle {
  /** Launches instances. @throws AwsError as newInterfaces does */
  launch(state: Ec2State, caller: Caller, request: LaunchRequest): Instance[];
  /** Begins to stop, start or terminate the instances that are not in that state already. */
  move(state: Ec2State, instances: readonly Instance[], to: "stopped" | "running" | "terminated"): void;
}

const THROUGH = { stopped: "stopping", running: "pending", terminated: "shutting-down" } as const;

/** Returns the lifecycle of instances, in the time of `clock`. */
export function createLifecycle(clock: Clock, emit: Emit): Lifecycle {
  function enter(instances: readonly Instance[], to: InstanceState): void {
    for (const instance of instances) {
      instance.state = to;
      if (to === "running") {
        instance.firstRanAt ??= wholeSecond(clock.now());
        instance.metadataPending = false;
      }
      emit(stateChange(instance, to));
    }
  }

  function afterwards(state: Ec2State, instances: readonly Instance[], to: "stopped" | "running" | "terminated"): void {
    const via = THROUGH[to];
    enter(instances, via);
    clock.after(to === "running" ? BOOT_MS : SHUTDOWN_MS, () => {
      // An instance that was terminated meanwhile does not change to this state.
      enter(
        instances.filter((instance) => instance.state === via),
        to,
      );
      if (to !== "terminated") return;
      clock.after(TAGS_VISIBLE_MS, () => {
        for (const { tags } of instances) tags.clear();
      });
      clock.after(VISIBLE_MS, () => forget(state, instances));
    });
  }

  return {
    launch: (state, caller, request) => {
      const reservationId = resourceId("r");
      const launchedAt = wholeSecond(clock.now());
      const { options, volumeTags = new Map() } = request;
      const { architecture, platform } = imageOf(state, options.imageId, launchedAt);
      const metadataOptions = { ...DEFAULT_METADATA_OPTIONS, ...options.metadataOptions };
      const spread = state.launched;
      const launched = Array.from(
        { length: request.count },
        (_, index): Instance => ({
          id: resourceId("i"),
          reservationId,
          account: caller.account,
          region: caller.region,
          imageId: options.imageId,
          architecture,
          platform,
          instanceType: options.instanceType ?? "m1.small",
          keyName: options.keyName,
          tenancy: options.tenancy ?? "default",
          lifecycle: options.lifecycle,
          interfaces: newInterfaces(state, options, spread + index + 1, spread),
          volumes: (options.volumes ?? [{}]).map((volume) => newVolume(state, volume, volumeTags)),
          requesterId: request.requesterId,
          operator: request.operator,
          clientToken: request.clientToken,
          attachedAt: launchedAt,
          firstRanAt: undefined,
          launchedAt,
          tags: new Map(request.tags),
          state: "pending",
          metadataOptions,
          metadataPending: true,
          association:
            options.instanceProfile === undefined ? undefined : newAssociation(state, options.instanceProfile),
        }),
      );
      state.launched += request.count;
      for (const instance of launched) state.instances.add(instance);
      afterwards(state, launched, "running");
      return launched;
    },
    move: (state, instances, to) => {
      const moving = instances.filter(({ state: now }) => now !== to && now !== THROUGH[to]);
      // LaunchTime is "the time that the instance was last launched", and a start is one:
      // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html
      if (to === "running") for (const instance of moving) instance.launchedAt = wholeSecond(clock.now());
      if (moving.length > 0) afterwards(state, moving, to);
    },
  };
}

function wholeSecond(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

function forget(state: Ec2State, instances: readonly Instance[]): void {
  for (const { id, clientToken } of instances) {
    state.instances.forget(id);
    if (clientToken !== undefined) state.launches.delete(clientToken);
  }
}
