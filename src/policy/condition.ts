import type { FactName, Facts } from "../facts/facts.ts";
import type { Image } from "../facts/images.ts";
import type { Instance } from "../facts/instances.ts";
import { isLauncherTag } from "../facts/launcher.ts";
import { isTerminated } from "../facts/terminated.ts";
import { isObject } from "../util/json.ts";
import type { Matcher } from "./matcher.ts";
import { namesOfProfile, ownersOf } from "./names.ts";
import {
  flag,
  type JsonSchema,
  join,
  matcher,
  matchers,
  matchesAny,
  orList,
  quoted,
  type Reading,
  reportUnknownKeys,
  type Setting,
} from "./settings.ts";

/** Whether a condition holds; `unknown` if the facts that decide it are not known. */
export type Truth = boolean | { readonly unknown: string; readonly late: boolean };

/** A condition on an instance: a scope, an exemption, or the demand of a rule of the kind `condition`. */
export interface Condition {
  /** The facts that it uses. */
  readonly needs: readonly FactName[];
  test(facts: Facts): Truth;
  /** Returns whether the tag with this key can decide it. */
  readsTag(key: string): boolean;
  /** The condition in words; in parentheses if it has several parts and is part of another one. */
  say(isPart?: boolean): string;
}

/** The limits of one condition. They bound the time that it takes. */
export const MAX_DEPTH = 8;
export const MAX_NODES = 200;

/** The values of a leaf for an instance, or why they are not known. */
type Values = readonly string[] | { readonly unknown: string; readonly late: boolean };

/** Why a rule or condition that needs the instance cannot be judged without it. */
export const NO_INSTANCE = { unknown: "the instance was not read", late: false };

/** Why a fact that EC2 removes from a terminated instance is not known. */
export const TERMINATED = { unknown: "the instance is terminated", late: false };

interface Leaf {
  /** The subject of the leaf's sentence. */
  readonly words: string;
  readonly needs: readonly FactName[];
  valuesOf(facts: Facts): Values;
}

function ofInstance(words: string, values: (instance: Instance) => readonly (string | null)[]): Leaf {
  return {
    words,
    needs: ["instance"],
    valuesOf: ({ instance }) =>
      instance === null ? NO_INSTANCE : values(instance).filter((value): value is string => value !== null),
  };
}

/** A property that EC2 removes from a terminated instance. */
function ofPresentInstance(words: string, values: (instance: Instance) => readonly (string | null)[]): Leaf {
  const leaf = ofInstance(words, values);
  const valuesOf: Leaf["valuesOf"] = (facts) =>
    facts.instance !== null && isTerminated(facts.instance) ? TERMINATED : leaf.valuesOf(facts);
  return { ...leaf, valuesOf };
}

/** A property that every instance has. It is missing only in a shortened or old document of the AWS CLI. */
function ofEveryInstance(words: string, value: (instance: Instance) => string | null): Leaf {
  return {
    words,
    needs: ["instance"],
    valuesOf({ instance }) {
      if (instance === null) return NO_INSTANCE;
      const known = value(instance);
      return known === null ? { unknown: `EC2 does not report ${words}`, late: false } : [known];
    },
  };
}

function ofImage(words: string, values: (image: Image, account: string) => readonly (string | null)[]): Leaf {
  return {
    words,
    needs: ["image"],
    valuesOf({ image, account }) {
      if ("unknown" in image) return image;
      const known = values(image.value, account).filter((value): value is string => value !== null);
      // Every image has an owner and a name.
      return known.length > 0 ? known : { unknown: `EC2 does not report ${words}`, late: false };
    },
  };
}

/** The leaves of a condition that compare one property, by key. */
export const LEAVES: Readonly<Record<string, Leaf>> = {
  account: { words: "the account", needs: [], valuesOf: ({ account }) => [account] },
  region: { words: "the region", needs: [], valuesOf: ({ region }) => [region] },
  launchedBy: {
    words: "the launcher",
    // The tags of an Auto Scaling group or a stack can name the launcher.
    needs: ["tags"],
    valuesOf: ({ launchedBy }) =>
      launchedBy === null ? { unknown: "the launcher is not known", late: false } : [launchedBy],
  },
  instanceType: ofEveryInstance("the instance type", ({ instanceType }) => instanceType),
  image: ofEveryInstance("the image", ({ imageId }) => imageId),
  imageOwner: ofImage("the image's owner", ownersOf),
  imageName: ofImage("the image's name", ({ name }) => [name]),
  vpc: ofPresentInstance("the VPC", ({ vpcId }) => [vpcId]),
  subnet: ofPresentInstance("the subnet", ({ subnetId }) => [subnetId]),
  zone: ofEveryInstance("the Availability Zone", ({ availabilityZone }) => availabilityZone),
  state: ofPresentInstance("the state", ({ state }) => [state]),
  lifecycle: ofInstance("the lifecycle", ({ lifecycle }) => [lifecycle]),
  managedBy: ofInstance("the managing service", ({ managedBy }) => [managedBy]),
  keyPair: ofInstance("the key pair", ({ keyName }) => [keyName]),
  instanceProfile: ofPresentInstance("the instance profile", ({ instanceProfile: arn }) =>
    arn === null ? [] : namesOfProfile(arn),
  ),
  tenancy: ofEveryInstance("the tenancy", ({ tenancy }) => tenancy),
  architecture: ofEveryInstance("the architecture", ({ architecture }) => architecture),
  platform: ofEveryInstance("the platform", ({ platform }) => platform),
};

const OPERATORS = ["all", "any", "not"];
const TAG_OPERATORS = ["in", "present"];
const KEYS = [...OPERATORS, "tag", ...Object.keys(LEAVES)];
const SHAPE =
  'a condition, such as {"tag": "env", "in": ["prod"]}, {"region": "eu-*"}, {"all": [...]}, {"any": [...]} or {"not": ...}';

/** A condition tree. */
export const condition: Setting<Condition> = {
  shape: SHAPE,
  read: (value, path, reading) => readCondition(value, path, reading, 1, { left: MAX_NODES }),
  schema: () => ({ $ref: "#/$defs/condition" }),
  say: (value) => value.say(),
};

function readCondition(
  value: unknown,
  path: string,
  reading: Reading,
  depth: number,
  nodes: { left: number },
): Condition | undefined {
  if (depth > MAX_DEPTH) return reading.report(path, `is too deep: a condition has up to ${MAX_DEPTH} levels`);
  nodes.left -= 1;
  if (nodes.left < 0) {
    return nodes.left === -1
      ? reading.report(path, `is too large: a condition has up to ${MAX_NODES} parts`)
      : undefined;
  }
  if (!isObject(value)) return reading.report(path, `must be ${SHAPE}`, value);
  const keys = Object.keys(value);
  const key = keys.find((each) => KEYS.includes(each));
  if (key === undefined) {
    if (keys.length === 0) return reading.report(path, `must be ${SHAPE}`, value);
    const before = reading.count;
    reportUnknownKeys(value, [...KEYS, ...TAG_OPERATORS], path, reading);
    return reading.count > before ? undefined : reading.report(path, 'must have "tag" beside "in" or "present"');
  }
  const allowed = key === "tag" ? ["tag", ...TAG_OPERATORS] : [key];
  if (keys.some((each) => !allowed.includes(each))) {
    return keys.filter((each) => KEYS.includes(each)).length > 1
      ? reading.report(path, 'must have one condition; combine several with {"all": [...]} or {"any": [...]}')
      : void reportUnknownKeys(value, allowed, path, reading);
  }
  const at = join(path, key);
  if (key === "tag") return readTag(value, path, reading);
  if (key === "not") {
    const inner = readCondition(value.not, at, reading, depth + 1, nodes);
    return inner && not(inner);
  }
  if (key === "all" || key === "any") {
    const parts: unknown = value[key];
    if (!Array.isArray(parts) || parts.length === 0)
      return reading.report(at, "must be a list of one or more conditions", parts);
    const read = parts.map((part: unknown, index) => readCondition(part, `${at}[${index}]`, reading, depth + 1, nodes));
    const valid = read.filter((part) => part !== undefined);
    return valid.length === read.length ? combined(key, valid) : undefined;
  }
  const leaf = LEAVES[key];
  const values = matchers.read(value[key], at, reading);
  return leaf && values && compared(leaf, values);
}

function readTag(value: Readonly<Record<string, unknown>>, path: string, reading: Reading): Condition | undefined {
  const key = matcher.read(value.tag, join(path, "tag"), reading);
  if (Object.hasOwn(value, "in") === Object.hasOwn(value, "present")) {
    return reading.report(path, 'must have either "in" or "present" beside "tag"');
  }
  if (Object.hasOwn(value, "present")) {
    const present = flag.read(value.present, join(path, "present"), reading);
    return key === undefined || present === undefined ? undefined : tagPresent(key, present);
  }
  const values = matchers.read(value.in, join(path, "in"), reading);
  return key === undefined || values === undefined ? undefined : tagIn(key, values);
}

function tagPresent(key: Matcher, present: boolean): Condition {
  return {
    needs: ["tags"],
    test: ({ tags }) => [...tags.keys()].some((each) => key.matches(each)) === present,
    readsTag: (each) => key.matches(each),
    say: () => `the tag ${quoted(key.text)} is ${present ? "present" : "missing"}`,
  };
}

function tagIn(key: Matcher, values: readonly Matcher[]): Condition {
  return {
    needs: ["tags"],
    test: ({ tags }) => [...tags].some(([each, value]) => key.matches(each) && matchesAny(values, value)),
    readsTag: (each) => key.matches(each),
    say: () => `the tag ${quoted(key.text)} is ${matchers.say(values)}`,
  };
}

function compared({ words, needs, valuesOf }: Leaf, allowed: readonly Matcher[]): Condition {
  return {
    needs,
    test(facts) {
      const values = valuesOf(facts);
      return "unknown" in values ? values : values.some((value) => matchesAny(allowed, value));
    },
    readsTag: (key) => needs.includes("tags") && isLauncherTag(key),
    say: () => `${words} is ${matchers.say(allowed)}`,
  };
}

function not(inner: Condition): Condition {
  return {
    needs: inner.needs,
    test(facts) {
      const truth = inner.test(facts);
      return typeof truth === "boolean" ? !truth : truth;
    },
    readsTag: inner.readsTag,
    say: () => `not (${inner.say()})`,
  };
}

/** Combines conditions. One that decides the result decides it, even if others are unknown. */
function combined(operator: "all" | "any", parts: readonly Condition[]): Condition {
  const decisive = operator === "any";
  return {
    needs: [...new Set(parts.flatMap((part) => part.needs))],
    test(facts) {
      let result: Truth = !decisive;
      for (const part of parts) {
        const truth = part.test(facts);
        if (truth === decisive) return decisive;
        if (typeof truth !== "boolean" && (typeof result === "boolean" || !result.late)) result = truth;
      }
      return result;
    },
    readsTag: (key) => parts.some((part) => part.readsTag(key)),
    say(isPart = false) {
      const [only, ...others] = parts;
      if (only !== undefined && others.length === 0) return only.say(isPart);
      const words = orList(
        parts.map((part) => part.say(true)),
        operator === "all" ? "and" : "or",
      );
      return isPart ? `(${words})` : words;
    },
  };
}

/** The schema of a condition, for the `$defs` of the policy's schema. Its limits of depth and size are not in it. */
export function conditionSchema(): JsonSchema {
  const object = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
    type: "object",
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  });
  const conditions = { type: "array", items: condition.schema(), minItems: 1 };
  return {
    description: "A condition on an instance.",
    anyOf: [
      object({ all: conditions }),
      object({ any: conditions }),
      object({ not: condition.schema() }),
      object({ tag: matcher.schema(), in: matchers.schema() }),
      object({ tag: matcher.schema(), present: flag.schema() }),
      ...Object.keys(LEAVES).map((key) => object({ [key]: matchers.schema() })),
    ],
  };
}
