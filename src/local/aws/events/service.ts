import { arn, parseArn } from "../arns.ts";
import { AwsError } from "../errors.ts";
import { integer, type Params, structure, structures, text, texts } from "../params.ts";
import { compilePattern, type Matcher, PatternError } from "../patterns.ts";
import type { Caller, JsonService } from "../service.ts";
import { type Emit, parseBusArn, type Rule, type Rules, type Target } from "./bus.ts";

const MAX_TARGETS = 5;
const MAX_ENTRIES = 10;
/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size */
const MAX_BYTES = 262_144;
const TRANSFORMS = ["Input", "InputPath", "InputTransformer"];

const invalid = (message: string) => new AwsError("ValidationException", message);

/** EventBridge: the rules of the default bus, their targets (SNS topics, SQS queues and other default buses), and events of one's own. */
export function createEvents(rules: Rules, emit: Emit): JsonService {
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
      targets: present?.targets ?? new Map(),
    });
    return { RuleArn: ruleArn };
  }

  function putTargets(params: Params, caller: Caller) {
    const { targets } = rule(params, caller, "Rule");
    const added = structures(params, "Targets").map((target) => {
      const transform = TRANSFORMS.find((name) => target[name] !== undefined);
      if (transform !== undefined) throw invalid(`Parameter ${transform} is not supported by the embedded AWS.`);
      const [id = "", targetArn = ""] = [text(target, "Id"), text(target, "Arn")];
      const service = parseArn(targetArn)?.service;
      if (id === "") throw invalid("Parameter Id is not valid.");
      const bus = parseBusArn(targetArn);
      if (service !== "sns" && service !== "sqs" && bus === undefined) {
        throw invalid(
          `Parameter ${targetArn} is not valid. Reason: the embedded AWS sends to SNS topics, SQS queues and default event buses only.`,
        );
      }
      if (bus?.account === caller.account && bus.region === caller.region) {
        throw invalid("Source EventBus and Target EventBus must not be the same.");
      }
      return {
        id,
        arn: targetArn,
        messageGroupId: text(structure(target, "SqsParameters"), "MessageGroupId"),
        roleArn: text(target, "RoleArn"),
      };
    });
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

  function putEvents(params: Params, caller: Caller) {
    const entries = structures(params, "Entries");
    if (entries.length < 1 || entries.length > MAX_ENTRIES) {
      throw invalid(
        `1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length between 1 and ${MAX_ENTRIES}`,
      );
    }
    const size = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
    if (size > MAX_BYTES) throw invalid("Total size of the entries in the request is over the limit.");
    const results = entries.map((entry) => putEvent(entry, caller));
    return { FailedEntryCount: results.filter((result) => "ErrorCode" in result).length, Entries: results };
  }

  function putEvent(entry: Params, caller: Caller) {
    const refuse = (ErrorCode: string, ErrorMessage: string) => ({ ErrorCode, ErrorMessage });
    const [source, detailType, detail] = [text(entry, "Source"), text(entry, "DetailType"), text(entry, "Detail")];
    if (!source)
      return refuse("InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument.");
    if (!detailType) {
      return refuse("InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType is a required argument.");
    }
    if (source.startsWith("aws.")) {
      return refuse("NotAuthorizedForSourceException", "Not authorized for the source.");
    }
    const document = jsonObject(detail);
    if (document === undefined) return refuse("MalformedDetail", "Detail is malformed.");
    const seconds = Number(text(entry, "Time") ?? Number.NaN);
    const EventId = emit({
      account: caller.account,
      region: caller.region,
      source,
      detailType,
      resources: texts(entry, "Resources"),
      detail: document,
      ...(Number.isFinite(seconds) ? { time: seconds * 1000 } : {}),
    });
    return { EventId };
  }

  return {
    protocol: "json",
    version: "1.1",
    actions: {
      PutRule: putRule,
      PutTargets: putTargets,
      RemoveTargets: removeTargets,
      DeleteRule: deleteRule,
      PutEvents: putEvents,
      DescribeRule: (params, caller) => ({ ...ruleFields(rule(params, caller)), CreatedBy: caller.account }),
      ListRules: (params, caller) => {
        onDefaultBus(params, caller);
        const names = [...rules.of(caller).values()].filter(({ name }) =>
          name.startsWith(text(params, "NamePrefix") ?? ""),
        );
        const { items, next } = listPage(
          params,
          names.sort((a, b) => (a.name < b.name ? -1 : 1)),
        );
        return { Rules: items.map(ruleFields), ...next };
      },
      ListTargetsByRule: (params, caller) => {
        const { items, next } = listPage(params, [...rule(params, caller, "Rule").targets.values()]);
        return { Targets: items.map(targetFields), ...next };
      },
    },
  };
}

function onDefaultBus(params: Params, caller: Caller): void {
  const name = text(params, "EventBusName") ?? "default";
  if (name !== "default" && name !== arn("events", caller.region, caller.account, "event-bus/default")) {
    throw new AwsError("ResourceNotFoundException", `Event bus ${name} does not exist.`);
  }
}

function eventMatcher(pattern: string): Matcher {
  const invalidPattern = (reason: string) =>
    new AwsError("InvalidEventPatternException", `Event pattern is not valid. Reason: ${reason}`);
  const document = jsonObject(pattern);
  if (document === undefined) throw invalidPattern("it is not a JSON object");
  try {
    return compilePattern(document);
  } catch (error) {
    throw error instanceof PatternError ? invalidPattern(error.message) : error;
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

function targetFields({ id, arn: targetArn, messageGroupId, roleArn }: Target) {
  const group = messageGroupId === undefined ? undefined : { MessageGroupId: messageGroupId };
  return { Id: id, Arn: targetArn, RoleArn: roleArn, SqsParameters: group };
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

function entryBytes(entry: Params): number {
  const parts = [text(entry, "Source"), text(entry, "DetailType"), text(entry, "Detail"), ...texts(entry, "Resources")];
  const time = entry.Time === undefined ? 0 : 14;
  return parts.reduce((sum, part) => sum + Buffer.byteLength(part ?? ""), time);
}

function jsonObject(value: string | undefined): { readonly [key: string]: unknown } | undefined {
  try {
    const parsed: unknown = JSON.parse(value ?? "");
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}
