import type { AwsError } from "../errors.ts";
import type { Params, Value } from "../params.ts";
import type { QueryService, XmlFields } from "../service.ts";
import { element, escapeXml } from "../xml.ts";

type Node = Map<string, Node | string>;

/**
 * Reads the form of the AWS query protocol: `Filter.1.Value.2=x` is the second text of `Value` of the first structure of
 * the list `Filter`. Action and Version stay among the parameters.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html
 */
export function parseQuery(form: string): Params {
  const root: Node = new Map();
  for (const [name, value] of new URLSearchParams(form)) {
    const path = name.split(".");
    const leaf = path.pop() ?? "";
    let node = root;
    for (const part of path) {
      let next = node.get(part);
      if (next === undefined || typeof next === "string") {
        next = new Map();
        node.set(part, next);
      }
      node = next;
    }
    node.set(leaf, value);
  }
  return structureOf(root);
}

function structureOf(node: Node): Params {
  const result: Record<string, Value> = Object.create(null);
  for (const [name, value] of node) result[name] = readValue(value);
  return result;
}

function readValue(value: Node | string): Value {
  if (typeof value === "string") return value;
  const keys = [...value.keys()];
  if (!keys.every((key) => /^\d+$/.test(key))) return structureOf(value);
  return keys.sort((a, b) => Number(a) - Number(b)).map((key) => readValue(value.get(key) ?? ""));
}

/** Returns the response to an action. EC2 puts its fields into the response itself, other services into a result element. */
export function queryResponse(service: QueryService, action: string, fields: XmlFields, requestId: string): string {
  const open = `<?xml version="1.0" encoding="UTF-8"?>\n<${action}Response xmlns="${service.namespace}">`;
  const inner =
    service.protocol === "ec2"
      ? `<requestId>${requestId}</requestId>${members(fields, "item")}`
      : `<${action}Result>${members(fields, "member")}</${action}Result>` +
        `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`;
  return `${open}${inner}</${action}Response>`;
}

function members(fields: XmlFields, item: string): string {
  return Object.entries(fields)
    .map(([name, value]) => element(name, value, item))
    .join("");
}

/** Returns an error in the format of the service; `service` is undefined if the request did not name one. */
export function queryError(service: QueryService | undefined, error: AwsError, requestId: string): string {
  const body = `<Code>${escapeXml(error.code)}</Code><Message>${escapeXml(error.message)}</Message>`;
  if (service?.protocol === "ec2") {
    return `<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>${body}</Error></Errors><RequestID>${requestId}</RequestID></Response>`;
  }
  const type = error.status < 500 ? "Sender" : "Receiver";
  const namespace = service ? ` xmlns="${service.namespace}"` : "";
  return `<ErrorResponse${namespace}><Error><Type>${type}</Type>${body}</Error><RequestId>${requestId}</RequestId></ErrorResponse>`;
}
