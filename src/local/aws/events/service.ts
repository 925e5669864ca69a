import { arn } from "../arns.ts";
import { AwsError } from "../errors.ts";
import { integer, type Params, structures, text, texts } from "../params.ts";
import type { Caller, JsonService } from "../service.ts";
import { readTags } from "../tags.ts";
import type { Emit, Rule, Rules } from "./bus.ts";
import { invalid } from "./errors.ts";
import { eventMatcher, testEventPattern } from "./event-pattern.ts";
import { describeDefaultBus, putPermission, removePermission } from "./permissions.ts";
import { putEvents } from "./put-events.ts";
import { ruleTagActions } from "./tags.ts";
import { readTarget, targetFields } from "./targets.ts";

const MAX_TARGETS = 5;

/**
 * EventBridge: the rules of the default bus, their targets (SNS topics, SQS queues and other default buses), who may send to it, and
 * events of one's own.
 * @param policies those of the buses, by ARN
 */
export function createEvents(rules: Rules, policies: Map<string, string>, emit: Emit): JsonService {
  function rule(params: Params, caller: Caller, field = "Name"): Rule {
    onDefaultBus(params, caller);
    const name = text(params, field) ?? "";
    const found = rules.of(caller).get(name);
    if (found === undefined) {
      throw new AwsError("ResourceNotFoundException", `Rule ${name} does not exist on EventBus default.`);
    }
    return found;
  }

  function putRule(params: Params, caller: Caller) {
    onDefaultBus(params, caller);
    const name = text(params, "Name") ?? "";
    if (!/^[.\-_A-Za-z0-9]{1,64}$/.test(name)) {
      throw invalid(
        `1 validation error detected: Value '${name}' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+`,
      );
    }
    const [pattern, schedule] = [text(params, "EventPattern"), text(params, "ScheduleExpression")];
    if (pattern === undefined && schedule === undefined) {
      throw invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.");
    }
    if (schedule !== undefined && !/^(rate\(\d+ (minute|hour|day)s?\)|cron\([^()]+\))$/.test(schedule)) {
      throw invalid("Parameter ScheduleExpression is not valid.");
    }
    const ruleArn = arn("events", caller.region, caller.account, `rule/${name}`);
    const present = rules.of(caller).get(name);
    rules.of(caller).set(name, {
      name,
      arn: ruleArn,
      pattern,
      matches: pattern === undefined ? () => false : eventMatcher(pattern),
      schedule,
      description: text(params, "Description"),
      roleArn: text(params, "RoleArn"),
      state: text(params, "State") ?? "ENABLED",
      // "any tags you specify in the PutRule operation are ignored" for a rule that there is:
      // https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
      tags: present?.tags ?? readTags(structures(params, "Tags"), invalid),
      targets: present?.targets ?? new Map(),
    });
    return { RuleArn: ruleArn };
  }

  function putTargets(params: Params, caller: Caller) {
    const { targets, arn: ruleArn } = rule(params, caller, "Rule");
    const added = structures(params, "Targets").map((target) => readTarget(target, ruleArn, caller));
    if (new Set([...targets.keys(), ...added.map(({ id }) => id)]).size > MAX_TARGETS) {
      throw new AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.");
    }
    for (const target of added) targets.set(target.id, target);
    return { FailedEntryCount: 0, FailedEntries: [] };
  }

  function removeTargets(params: Params, caller: Caller) {
    const { targets } = rule(params, caller, "Rule");
    const failed = texts(params, "Ids").filter((id) => !targets.delete(id));
    return {
      FailedEntryCount: failed.length,
      FailedEntries: failed.map((id) => ({
        TargetId: id,
        ErrorCode: "ResourceNotFoundException",
        ErrorMessage: `Rule does not have target ${id}.`,
      })),
    };
  }

  function deleteRule(params: Params, caller: Caller) {
    onDefaultBus(params, caller);
    const name = text(params, "Name") ?? "";
    if ((rules.of(caller).get(name)?.targets.size ?? 0) > 0) {
      throw invalid("Rule can't be deleted since it has targets.");
    }
    rules.of(caller).delete(name);
    return {};
  }

  const sorted = (caller: Caller) => [...rules.of(caller).values()].sort((a, b) => (a.name < b.name ? -1 : 1));

  return {
    protocol: "json",
    version: "1.1",
    actions: {
      PutRule: putRule,
      PutTargets: putTargets,
      RemoveTargets: removeTargets,
      DeleteRule: deleteRule,
      PutPermission: (params, caller) => {
        onDefaultBus(params, caller);
        return putPermission(policies, params, caller);
      },
      RemovePermission: (params, caller) => {
        onDefaultBus(params, caller);
        return removePermission(policies, params, caller);
      },
      DescribeEventBus: (params, caller) => {
        onDefaultBus(params, caller, "Name");
        return describeDefaultBus(policies, caller);
      },
      PutEvents: (params, caller) => putEvents(params, caller, emit),
      TestEventPattern: testEventPattern,
      ...ruleTagActions(rules),
      DescribeRule: (params, caller) => ({ ...ruleFields(rule(params, caller)), CreatedBy: caller.account }),
      ListRules: (params, caller) => {
        onDefaultBus(params, caller);
        const prefix = text(params, "NamePrefix") ?? "";
        const { items, next } = listPage(
          params,
          sorted(caller).filter(({ name }) => name.startsWith(prefix)),
        );
        return { Rules: items.map(ruleFields), ...next };
      },
      ListRuleNamesByTarget: (params, caller) => {
        onDefaultBus(params, caller);
        const hasTarget = ({ targets }: Rule) =>
          [...targets.values()].some((target) => target.arn === text(params, "TargetArn"));
        const { items, next } = listPage(params, sorted(caller).filter(hasTarget));
        return { RuleNames: items.map(({ name }) => name), ...next };
      },
      ListTargetsByRule: (params, caller) => {
        const { items, next } = listPage(params, [...rule(params, caller, "Rule").targets.values()]);
        return { Targets: items.map(targetFields), ...next };
      },
    },
  };
}

function onDefaultBus(params: Params, caller: Caller, field = "EventBusName"): void {
  const name = text(params, field) ?? "default";
  if (name !== "default" && name !== arn("events", caller.region, caller.account, "event-bus/default")) {
    throw new AwsError("ResourceNotFoundException", `Event bus ${name} does not exist.`);
  }
}

function ruleFields(rule: Rule) {
  return {
    Name: rule.name,
    Arn: rule.arn,
    EventPattern: rule.pattern,
    ScheduleExpression: rule.schedule,
    State: rule.state,
    Description: rule.description,
    RoleArn: rule.roleArn,
    EventBusName: "default",
  };
}

/** A page of a list: `Limit` 1–100 items from where `NextToken` says. */
function listPage<T>(params: Params, all: readonly T[]): { items: readonly T[]; next: { NextToken?: string } } {
  const limit = integer(params, "Limit") ?? 100;
  const start = Number(text(params, "NextToken") ?? 0);
  if (!(limit >= 1 && limit <= 100)) throw invalid("Parameter Limit is not valid.");
  if (!Number.isInteger(start)) throw invalid("Parameter NextToken is not valid.");
  const end = start + limit;
  return { items: all.slice(start, end), next: end < all.length ? { NextToken: String(end) } : {} };
}
