import { AwsError } from "../errors.ts";
import type { Params, Value } from "../params.ts";

/** Reads the body of the AWS JSON protocol. @throws AwsError SerializationException for a body that is not a JSON object */
export function parseJson(body: string): Params {
  let value: unknown;
  try {
    // A reviver that copies each structure keeps keys such as `__proto__` harmless.
    value = JSON.parse(body === "" ? "{}" : body, (_key, each) =>
      typeof each === "object" && each !== null && !Array.isArray(each)
        ? Object.assign(Object.create(null), each)
        : each,
    );
  } catch {
    throw new AwsError("SerializationException", "The request body is not valid JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new AwsError("SerializationException", "The request body is not a JSON object.");
  }
  return value as { [name: string]: Value };
}

/** Returns the body and the headers of an error in the JSON protocol. */
export function jsonError(error: AwsError): { body: string; headers: Record<string, string> } {
  const fault = error.status < 500 ? "Sender" : "Receiver";
  return {
    body: JSON.stringify({ __type: error.code, message: error.message }),
    headers: {
      "x-amzn-errortype": error.code,
      ...(error.queryCode === undefined ? {} : { "x-amzn-query-error": `${error.queryCode};${fault}` }),
    },
  };
}
