import type { Aws } from "../aws.ts";
import { otherRule } from "./other-rules.ts";
import type { SetupPlan } from "./plan.ts";
import { deadLetterQueue } from "./queue.ts";
import type { Inspection, Resource } from "./resource.ts";
import { rule } from "./rules.ts";
import { emailSubscription, functionSubscription } from "./subscriptions.ts";
import { alertTopic, launchTopic } from "./topics.ts";

/** Returns the resources of a plan in the order of their creation: each depends only on those before it. */
export function resourcesOf(aws: Aws, plan: SetupPlan): readonly Resource[] {
  return [
    deadLetterQueue(aws, plan),
    launchTopic(aws, plan),
    alertTopic(aws, plan),
    ...plan.rules.map((each) => rule(aws, plan, each)),
    ...plan.otherRules.map((each) => otherRule(aws, plan, each)),
    ...plan.emails.map((address) => emailSubscription(aws, plan, address)),
    ...(plan.url === null ? [] : [functionSubscription(aws, plan, plan.url)]),
  ];
}

/** A resource, and its state in AWS. */
export interface Inspected {
  readonly resource: Resource;
  readonly found: Inspection;
}

/** Returns the state of each resource of a plan; changes nothing. Throws what AWS throws. */
export async function inspectInstallation(aws: Aws, plan: SetupPlan): Promise<readonly Inspected[]> {
  return Promise.all(resourcesOf(aws, plan).map(async (resource) => ({ resource, found: await resource.inspect() })));
}
