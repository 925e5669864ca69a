import { isMap, isScalar, parseDocument, visit } from "yaml";

/** A template parameter and the constraints on its value. */
export interface TemplateParameter {
  readonly name: string;
  /** Undefined for a mandatory parameter. */
  readonly default: string | undefined;
  readonly pattern: RegExp | undefined;
  readonly values: readonly string[] | undefined;
  readonly least: number | undefined;
  readonly most: number | undefined;
  /** What the pattern requires, as a predicate to follow the name. */
  readonly constraint: string | undefined;
}

/**
 * Returns the parameters of a template, in its order. Takes the template's text.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
 */
export function readParameters(template: string): readonly TemplateParameter[] {
  const section = parseDocument(template).get("Parameters");
  if (!isMap(section)) return [];
  return section.items.map(({ key, value }) => {
    const text = (name: string): string | undefined => {
      const found: unknown = isMap(value) ? value.get(name) : undefined;
      return found === undefined ? undefined : String(found);
    };
    const number = (name: string) => (text(name) === undefined ? undefined : Number(text(name)));
    const [pattern, values] = [text("AllowedPattern"), isMap(value) ? value.toJSON().AllowedValues : undefined];
    return {
      name: String(key),
      default: text("Default"),
      pattern: pattern === undefined ? undefined : new RegExp(`^(?:${pattern})$`),
      values: Array.isArray(values) ? values.map(String) : undefined,
      least: number("MinValue"),
      most: number("MaxValue"),
      constraint: text("ConstraintDescription")?.replace(/\.$/, ""),
    };
  });
}

/** Returns the reason why CloudFormation would refuse a value for the parameter; undefined when it would accept the value. */
export function problemWith(parameter: TemplateParameter, value: string): string | undefined {
  const { pattern, values, least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY, constraint } = parameter;
  if (values !== undefined) return values.includes(value) ? undefined : `must be one of ${values.join(", ")}`;
  if (pattern !== undefined) return pattern.test(value) ? undefined : (constraint ?? `must match ${pattern.source}`);
  if (least === Number.NEGATIVE_INFINITY && most === Number.POSITIVE_INFINITY) return undefined;
  const isInside = /^-?\d+$/.test(value) && Number(value) >= least && Number(value) <= most;
  return isInside ? undefined : `must be a number from ${least} to ${most}`;
}

/**
 * Returns the template with the location of the uploaded code instead of the local file. Keeps short forms (`!Ref`) and drops
 * comments, because CloudFormation accepts at most 51,200 bytes.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
 */
export function withUploadedCode(template: string, code: { readonly bucket: string; readonly key: string }): string {
  const document = parseDocument(template);
  document.commentBefore = null;
  visit(document, {
    Node: (_, node) => {
      node.comment = null;
      node.commentBefore = null;
    },
    Pair: (_, { key, value }) => {
      // Other functions' locations in S3 stay.
      if (!isScalar(key) || key.value !== "CodeUri" || !isScalar(value) || String(value.value).startsWith("s3:"))
        return;
      value.value = `s3://${code.bucket}/${code.key}`;
    },
  });
  return document.toString({ lineWidth: 0 });
}
