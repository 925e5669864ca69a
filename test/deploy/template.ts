import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type CollectionTag, parse, type ScalarTag } from "yaml";

/** The paths of the templates. */
export const TEMPLATE = fileURLToPath(new URL("../../deploy/template.yaml", import.meta.url));
export const MEMBER = fileURLToPath(new URL("../../deploy/member.yaml", import.meta.url));

/** A reference in the text of `Fn::Sub`. */
export function reference(name: string): string {
  return `\${${name}}`;
}

/** The fields of a parameter that tests use. */
export interface Parameter {
  readonly Type: string;
  readonly Default?: string | number;
  readonly AllowedPattern?: string;
  readonly AllowedValues?: readonly (string | number)[];
  readonly ConstraintDescription?: string;
}

/** A template, with its short forms (`!Ref`) written out (`{ Ref: … }`). */
export interface Template {
  readonly Metadata: {
    readonly "AWS::CloudFormation::Interface": {
      readonly ParameterGroups: readonly { readonly Parameters: readonly string[] }[];
      readonly ParameterLabels: Readonly<Record<string, unknown>>;
    };
  };
  readonly Parameters: Readonly<Record<string, Parameter>>;
  readonly Mappings?: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>>;
  readonly Conditions: Readonly<Record<string, unknown>>;
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>;
}

export interface Resource {
  readonly Type: string;
  readonly Condition?: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}

const SHORT_FORMS = [
  "Ref",
  "GetAtt",
  "Sub",
  "If",
  "Equals",
  "Not",
  "And",
  "Or",
  "Select",
  "Split",
  "Join",
  "FindInMap",
];

const templates = new Map<string, Template>();

/** Reads a template, once in each process. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html */
export function readTemplate(file: string): Template {
  const known = templates.get(file);
  if (known !== undefined) return known;
  const customTags = SHORT_FORMS.flatMap((form): (ScalarTag | CollectionTag)[] => {
    const name = form === "Ref" ? form : `Fn::${form}`;
    const scalar: ScalarTag = { tag: `!${form}`, resolve: (text: string) => ({ [name]: text }) };
    const list: CollectionTag = { tag: `!${form}`, collection: "seq", resolve: (seq) => ({ [name]: seq.toJSON() }) };
    return [scalar, list];
  });
  const template: Template = parse(readFileSync(file, "utf8"), { customTags });
  templates.set(file, template);
  return template;
}

/**
 * The resources of a template with these parameters, without those that its conditions exclude. References to resources stay
 * as they are.
 */
export function resolveTemplate(
  template: Template,
  given: Readonly<Record<string, string>> = {},
): Template["Resources"] {
  const pseudo = { "AWS::AccountId": "123456789012", "AWS::Region": "us-east-1", "AWS::Partition": "aws" };
  const defaults = Object.entries(template.Parameters).map(([name, parameter]) => [
    name,
    String(parameter.Default ?? ""),
  ]);
  const values: Readonly<Record<string, string>> = { ...Object.fromEntries(defaults), ...pseudo, ...given };
  const holds = (name: string): boolean => resolve(template.Conditions[name]) === true;

  function resolve(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(resolve).filter((each) => each !== undefined);
    if (typeof value !== "object" || value === null) return value;
    const [[name = "", inner] = []] = Object.entries(value);
    const items = (): unknown[] => (Array.isArray(inner) ? inner.map(resolve) : []);
    if (name === "Ref" && inner === "AWS::NoValue") return undefined;
    if (name === "Ref" && typeof inner === "string") {
      const list = template.Parameters[inner]?.Type === "CommaDelimitedList";
      return list ? (values[inner] ?? "").split(",") : (values[inner] ?? value);
    }
    if (name === "Condition" && typeof inner === "string") return holds(inner);
    if (name === "Fn::Equals") return items()[0] === items()[1];
    if (name === "Fn::Not") return items()[0] !== true;
    if (name === "Fn::And") return items().every((item) => item === true);
    if (name === "Fn::Or") return items().some((item) => item === true);
    if (name === "Fn::Select") return (items()[1] as string[])[Number(items()[0])];
    if (name === "Fn::FindInMap") {
      const [map, key, entry] = items().map(String);
      return template.Mappings?.[map ?? ""]?.[key ?? ""]?.[entry ?? ""];
    }
    if (name === "Fn::Join") {
      const [separator, parts] = items();
      return (parts as unknown[]).join(String(separator));
    }
    if (name === "Fn::Split") return String(items()[1]).split(String(items()[0]));
    if (name === "Fn::Sub" && typeof inner === "string") {
      return inner.replaceAll(/\$\{([\w:]+)\}/g, (whole, key: string) => values[key] ?? whole);
    }
    if (name === "Fn::If" && Array.isArray(inner)) return resolve(holds(String(inner[0])) ? inner[1] : inner[2]);
    const entries = Object.entries(value).map(([key, each]) => [key, resolve(each)] as const);
    return Object.fromEntries(entries.filter(([, each]) => each !== undefined));
  }

  const made = Object.entries(template.Resources).filter(
    ([, { Condition }]) => Condition === undefined || holds(Condition),
  );
  return Object.fromEntries(
    made.map(([name, resource]) => [name, { ...resource, Properties: resolve(resource.Properties) }]),
  ) as Template["Resources"];
}

/** A statement of a policy, with lists where AWS also allows single values. */
export interface Statement {
  readonly actions: readonly string[];
  readonly resources: readonly unknown[];
  readonly condition: unknown;
}

/** The statements of a role's inline policies. */
export function statementsOf(role: Resource | undefined): readonly Statement[] {
  const policies = (role?.Properties.Policies ?? []) as { PolicyDocument: { Statement: Record<string, unknown>[] } }[];
  return policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement.map(readStatement));
}

/** Reads a statement. Throws Error when its effect is not Allow. */
export function readStatement({ Effect, Action, Resource, Condition }: Record<string, unknown>): Statement {
  if (Effect !== "Allow") throw new Error("the effect of a role's statement must be Allow");
  return { actions: [Action].flat() as string[], resources: [Resource].flat(), condition: Condition };
}
