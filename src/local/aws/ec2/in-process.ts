import { resourceId } from "../arns.ts";
import { userCaller } from "../caller.ts";
import type { Clock } from "../clock.ts";
import type { Emit } from "../events/bus.ts";
import type { Caller } from "../service.ts";
import { autoScalingCaller, launchSuccessful, runInstancesTrail } from "./event-shapes.ts";
import { type GeneratedInstance, generatedInstances } from "./generated.ts";
import { newImage } from "./image-metadata.ts";
import { BOOT_MS, type Lifecycle } from "./lifecycle.ts";
import type { Ec2State, Image, InstanceOptions } from "./model.ts";
import { tagInstances } from "./tags.ts";
import { changeableInstances } from "./validation.ts";

/** An account and a region. */
export interface Place {
  /** Default: the account of the embedded AWS. */
  account?: string;
  /** Default us-east-1. */
  region?: string;
}

/** A launch, with the settings of its instances. */
export interface Launch extends Place, InstanceOptions {
  count: number;
  tags?: Record<string, string>;
  /** The Auto Scaling group that launches. Default: a user launches. */
  group?: string;
  /** The service principal that manages the instances, such as `eks.amazonaws.com`. */
  operator?: string;
}

/** Instances that are made when they are asked for. */
export interface Generate extends Place {
  count: number;
  /** Returns the settings of an instance, the same ones each time. @param index from 0 to `count` - 1 */
  instance(index: number): GeneratedInstance;
}

/** A launch by Auto Scaling. */
export type AutoScalingLaunch = Launch & { group: string };

/** EC2 without HTTP, for AWS's own services. It emits the same events as the API calls. */
export interface InProcessEc2 {
  /**
   * Launches instances and returns their ids. By Auto Scaling, 'EC2 Instance Launch Successful' follows for each that runs.
   * @throws AwsError InvalidSubnetID.NotFound, InvalidGroup.NotFound, InvalidParameter, InvalidParameterValue
   */
  launch(args: Launch): string[];
  /** Adds tags to instances, also those of AWS (`aws:…`). @throws AwsError InvalidInstanceID.NotFound, TagLimitExceeded */
  tag(ids: readonly string[], tags: Record<string, string>, place?: Place): void;
  /**
   * Registers an image and returns its id, or changes the one that has this id, also of instances that were launched from it.
   * Default: available, private, allowed, for Linux on x86_64, owned by the account, created now.
   */
  registerImage(image: Partial<Image>, place?: Place): string;
  /**
   * Adds running instances that are made when they are asked for, so that a million take no memory. They emit no events. What a call
   * changes, is kept. Returns a function from the index of an instance to its id. @throws RangeError if the place has such instances already
   */
  generate(args: Generate): (index: number) => string;
  /** Terminates instances. @throws AwsError InvalidInstanceID.NotFound */
  terminate(ids: readonly string[], place?: Place): void;
}

/** The parts of EC2 that calls in process use. */
export interface InProcessContext {
  readonly clock: Clock;
  readonly emit: Emit;
  /** Also emit CloudTrail's event for each launch. */
  readonly trail: boolean;
  readonly lifecycle: Lifecycle;
  stateOf(place: { account: string; region: string }): Ec2State;
}

/** Returns EC2 without HTTP. @param ownAccount the default account of launches */
export function createInProcessEc2(context: InProcessContext, ownAccount: string): InProcessEc2 {
  const { clock, emit, trail, lifecycle, stateOf } = context;
  const placed = ({ account = ownAccount, region = "us-east-1" }: Place) => ({ account, region });

  return {
    launch: ({ count, tags = {}, group, operator: managedBy, ...options }) => {
      const { account, region } = placed(options);
      const caller = group === undefined ? operator(account, region) : autoScalingCaller(account, region);
      const launched = lifecycle.launch(stateOf(caller), caller, {
        count,
        options: { ...options, imageId: options.imageId ?? resourceId("ami") },
        requesterId: group === undefined ? undefined : "940372691376",
        operator: managedBy,
        tags: new Map([
          ...(group === undefined ? [] : [["aws:autoscaling:groupName", group] as const]),
          ...Object.entries(tags),
        ]),
      });
      if (trail) {
        emit(runInstancesTrail(launched, caller, { MinCount: String(count), MaxCount: String(count) }, clock.now()));
      }
      // Scheduled after the launch, so that it follows the change to running.
      if (group !== undefined) {
        clock.after(BOOT_MS, () => {
          for (const instance of launched) {
            if (instance.state === "running") emit(launchSuccessful(instance, group, clock.now()));
          }
        });
      }
      return launched.map(({ id }) => id);
    },
    tag: (ids, tags, place = {}) => {
      tagInstances(changeableInstances(stateOf(placed(place)), ids), new Map(Object.entries(tags)), emit);
    },
    registerImage: (image, place = {}) => {
      const state = stateOf(placed(place));
      const registered = newImage(state, {
        id: resourceId("ami"),
        createdAt: clock.now(),
        ...state.images.get(image.id ?? ""),
        ...image,
      });
      state.images.set(registered.id, registered);
      return registered.id;
    },
    generate: ({ count, instance, ...place }) => {
      const state = stateOf(placed(place));
      const generated = generatedInstances(state, count, instance);
      state.instances.generate(generated);
      return (index) => generated.at(index).id;
    },
    terminate: (ids, place = {}) => {
      const state = stateOf(placed(place));
      lifecycle.move(state, changeableInstances(state, ids), "terminated");
    },
  };
}

function operator(account: string, region: string): Caller {
  return { ...userCaller("operator", account, region), userAgent: "console.amazonaws.com", sourceIp: "192.0.2.1" };
}
