import { isObject } from "../../../util/json.ts";

/** A value of a template without its functions: undefined for AWS::NoValue; or the reason why it is not known. */
export type Resolved = { readonly value: unknown } | { readonly unresolved: string };

/** Deeper values are not resolved. */
const MAX_DEPTH = 50;

/**
 * Returns what resolves values of a CloudFormation template or a conformance pack, with the defaults of the parameters. Functions
 * that need a deployed stack are not resolved.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
 */
export function resolverOf(template: Readonly<Record<string, unknown>>): (value: unknown) => Resolved {
  const parameters = isObject(template.Parameters) ? template.Parameters : {};
  const conditions = isObject(template.Conditions) ? template.Conditions : {};

  const resolve = (value: unknown, depth: number): Resolved => {
    if (depth > MAX_DEPTH) return { unresolved: "its value is nested too deeply" };
    if (Array.isArray(value)) return resolveAll(value, depth);
    if (!isObject(value)) return { value };
    const [name, ...others] = Object.keys(value);
    if (name !== undefined && others.length === 0 && (/^Fn::/.test(name) || name === "Ref" || name === "Condition")) {
      return call(name, value[name], depth + 1);
    }
    const members: [string, unknown][] = [];
    for (const [key, member] of Object.entries(value)) {
      const resolved = resolve(member, depth + 1);
      if ("unresolved" in resolved) return resolved;
      if (resolved.value !== undefined) members.push([key, resolved.value]);
    }
    return { value: Object.fromEntries(members) };
  };

  const resolveAll = (values: readonly unknown[], depth: number) => {
    const all: unknown[] = [];
    for (const each of values) {
      const resolved = resolve(each, depth + 1);
      if ("unresolved" in resolved) return resolved;
      if (resolved.value !== undefined) all.push(resolved.value);
    }
    return { value: all };
  };

  const reference = (name: unknown, depth: number): Resolved => {
    if (name === "AWS::NoValue") return { value: undefined };
    const parameter = typeof name === "string" && Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (isObject(parameter) && parameter.Default !== undefined) return resolve(parameter.Default, depth);
    return {
      unresolved: isObject(parameter)
        ? `the parameter ${JSON.stringify(name)} has no default`
        : `${JSON.stringify(name)} is known only when the template is deployed`,
    };
  };

  const call = (name: string, argument: unknown, depth: number): Resolved => {
    if (name === "Ref") return reference(argument, depth);
    if (name === "Fn::Sub" && typeof argument === "string") return substitute(argument, depth);
    if (name === "Condition" || (name === "Fn::Condition" && typeof argument === "string")) {
      const condition =
        typeof argument === "string" && Object.hasOwn(conditions, argument) ? conditions[argument] : undefined;
      return condition === undefined ? unsupported("Condition") : resolve(condition, depth);
    }
    const list: readonly unknown[] = Array.isArray(argument) ? argument : [];
    if (name === "Fn::If") {
      const holds = resolve({ Condition: list[0] }, depth);
      return "unresolved" in holds ? holds : resolve(holds.value === true ? list[1] : list[2], depth);
    }
    const resolved = resolveAll(list, depth);
    if ("unresolved" in resolved) return resolved;
    const [first, second] = resolved.value;
    switch (name) {
      case "Fn::Equals":
        return { value: String(first) === String(second) };
      case "Fn::Not":
        return { value: first === false };
      case "Fn::And":
        return { value: resolved.value.every((each) => each === true) };
      case "Fn::Or":
        return { value: resolved.value.includes(true) };
      case "Fn::Join":
        if (typeof first === "string" && Array.isArray(second)) return { value: second.join(first) };
    }
    return unsupported(name);
  };

  const substitute = (text: string, depth: number): Resolved => {
    let unresolved: string | undefined;
    const value = text.replaceAll(/\$\{(!?)([^}]+)\}/g, (_, isLiteral: string, name: string) => {
      if (isLiteral) return `\${${name}}`;
      const resolved = reference(name.trim(), depth);
      if ("unresolved" in resolved) unresolved ??= resolved.unresolved;
      return "value" in resolved ? String(resolved.value) : "";
    });
    return unresolved === undefined ? { value } : { unresolved };
  };

  return (value) => resolve(value, 0);
}

function unsupported(name: string): Resolved {
  return { unresolved: `the function ${name} is not evaluated here` };
}
