import { arn } from "../arns.ts";
import { AwsError } from "../errors.ts";
import { integer, type Params, structures, text, texts } from "../params.ts";
import type { Caller, JsonService } from "../service.ts";
import { readTags } from "../tags.ts";
import { type BusId, busArn, DEFAULT_BUS, type Emit, parseBusArn, type Rule, type Rules } from "./bus.ts";
import { invalid } from "./errors.ts";
import { eventMatcher, testEventPattern } from "./event-pattern.ts";
import { putPermission, removePermission } from "./permissions.ts";
import { putEvents } from "./put-events.ts";
import { ruleTagActions } from "./tags.ts";
import { readTarget, targetFields } from "./targets.ts";

const MAX_TARGETS = 5;

/**
 * Returns EventBridge: buses, their policies, rules and targets (SNS topics, SQS queues and other buses), and
 * custom events on the default bus.
 * @param policies the policies of the buses, by ARN
 */
export function createEvents(rules: Rules, policies: Map<string, string>, emit: Emit): JsonService {
  function busOf(params: Params, caller: Caller, field = "EventBusName"): Required<BusId> {
    const name = text(params, field) ?? DEFAULT_BUS;
    const { account, region } = caller;
    const bus = parseBusArn(name) ?? { account, region, bus: name };
    if (bus.account !== account || bus.region !== region || !rules.has(bus)) {
      throw new AwsError("ResourceNotFoundException", `Event bus ${bus.bus} does not exist.`);
    }
    return bus;
  }

  function rule(params: Params, caller: Caller, field = "Name"): Rule {
    const bus = busOf(params, caller);
    const name = text(params, field) ?? "";
    const found = rules.of(bus).get(name);
    if (found === undefined) {
      throw new AwsError("ResourceNotFoundException", `Rule ${name} does not exist on EventBus ${bus.bus}.`);
    }
    return found;
  }

  function createEventBus(params: Params, caller: Caller) {
    const bus = { account: caller.account, region: caller.region, bus: text(params, "Name") ?? "" };
    // https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html
    if (!/^[.\-_A-Za-z0-9]{1,256}$/.test(bus.bus)) throw invalid("Parameter Name is not valid.");
    if (rules.has(bus)) {
      throw new AwsError("ResourceAlreadyExistsException", `Event bus ${bus.bus} already exists.`);
    }
    rules.of(bus);
    return { EventBusArn: busArn(bus) };
  }

  function deleteEventBus(params: Params, caller: Caller) {
    const bus = { account: caller.account, region: caller.region, bus: text(params, "Name") ?? "" };
    if (bus.bus === DEFAULT_BUS) throw invalid("Cannot delete event bus default.");
    if (!rules.has(bus)) return {};
    if (rules.of(bus).size > 0) throw invalid("Event bus can't be deleted since it has rules.");
    rules.delete(bus);
    policies.delete(busArn(bus));
    return {};
  }

  function putRule(params: Params, caller: Caller) {
    const bus = busOf(params, caller);
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
    // AWS schedules on the default bus only. https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
    if (schedule !== undefined && bus.bus !== DEFAULT_BUS) {
      throw invalid("ScheduleExpression is supported only on the default event bus.");
    }
    const path = bus.bus === DEFAULT_BUS ? name : `${bus.bus}/${name}`;
    const ruleArn = arn("events", caller.region, caller.account, `rule/${path}`);
    const present = rules.of(bus).get(name);
    rules.of(bus).set(name, {
      name,
      bus: bus.bus,
      arn: ruleArn,
      pattern,
      matches: pattern === undefined ? () => false : eventMatcher(pattern),
      schedule,
      description: text(params, "Description"),
      roleArn: text(params, "RoleArn"),
      state: text(params, "State") ?? "ENABLED",
      // "any tags you specify in the PutRule operation are ignored" for an existing rule:
      // https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
      tags: present?.tags ?? readTags(structures(params, "Tags"), invalid),
      targets: present?.targets ?? new Map(),
    });
    return { RuleArn: ruleArn };
  }

  function putTargets(params: Params, caller: Caller) {
    const { targets, arn: ruleArn } = rule(params, caller, "Rule");
    const source = busArn(busOf(params, caller));
    const added = structures(params, "Targets").map((target) => readTarget(target, ruleArn, source, caller));
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
    const bus = rules.of(busOf(params, caller));
    const name = text(params, "Name") ?? "";
    if ((bus.get(name)?.targets.size ?? 0) > 0) {
      throw invalid("Rule can't be deleted since it has targets.");
    }
    bus.delete(name);
    return {};
  }

  function setState(params: Params, caller: Caller, state: string) {
    rule(params, caller).state = state;
    return {};
  }

  const sorted = (bus: BusId) => [...rules.of(bus).values()].sort((a, b) => (a.name < b.name ? -1 : 1));

  return {
    protocol: "json",
    version: "1.1",
    actions: {
      PutRule: putRule,
      PutTargets: putTargets,
      RemoveTargets: removeTargets,
      DeleteRule: deleteRule,
      EnableRule: (params, caller) => setState(params, caller, "ENABLED"),
      DisableRule: (params, caller) => setState(params, caller, "DISABLED"),
      CreateEventBus: createEventBus,
      DeleteEventBus: deleteEventBus,
      PutPermission: (params, caller) => putPermission(policies, busArn(busOf(params, caller)), params, caller),
      RemovePermission: (params, caller) => removePermission(policies, busArn(busOf(params, caller)), params),
      DescribeEventBus: (params, caller) => {
        const bus = busOf(params, caller, "Name");
        return { Name: bus.bus, Arn: busArn(bus), Policy: policies.get(busArn(bus)) };
      },
      PutEvents: (params, caller) => putEvents(params, caller, emit),
      TestEventPattern: testEventPattern,
      ...ruleTagActions(rules),
      DescribeRule: (params, caller) => ({ ...ruleFields(rule(params, caller)), CreatedBy: caller.account }),
      ListRules: (params, caller) => {
        const prefix = text(params, "NamePrefix") ?? "";
        const { items, next } = listPage(
          params,
          sorted(busOf(params, caller)).filter(({ name }) => name.startsWith(prefix)),
        );
        return { Rules: items.map(ruleFields), ...next };
      },
      ListRuleNamesByTarget: (params, caller) => {
        const hasTarget = ({ targets }: Rule) =>
          [...targets.values()].some((target) => target.arn === text(params, "TargetArn"));
        const { items, next } = listPage(params, sorted(busOf(params, caller)).filter(hasTarget));
        return { RuleNames: items.map(({ name }) => name), ...next };
      },
      ListTargetsByRule: (params, caller) => {
        const { items, next } = listPage(params, [...rule(params, caller, "Rule").targets.values()]);
        return { Targets: items.map(targetFields), ...next };
      },
    },
  };
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
    EventBusName: rule.bus,
  };
}

/** Returns a page of a list: `Limit` 1–100 items from `NextToken` on. */
function listPage<T>(params: Params, all: readonly T[]): { items: readonly T[]; next: { NextToken?: string } } {
  const limit = integer(params, "Limit") ?? 100;
  const start = Number(text(params, "NextToken") ?? 0);
  if (!(limit >= 1 && limit <= 100)) throw invalid("Parameter Limit is not valid.");
  if (!Number.isInteger(start)) throw invalid("Parameter NextToken is not valid.");
  const end = start + limit;
  return { items: all.slice(start, end), next: end < all.length ? { NextToken: String(end) } : {} };
}
