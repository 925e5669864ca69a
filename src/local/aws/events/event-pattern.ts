import { AwsError } from "../errors.ts";
import { type Params, text } from "../params.ts";
import { compilePattern, type Document, type Matcher, PatternError } from "../patterns.ts";
import { invalid } from "./errors.ts";

/** https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html */
const MANDATORY = ["id", "detail-type", "source", "account", "time", "region", "resources"];

/** Returns the matcher of a rule's pattern. @throws AwsError InvalidEventPatternException */
export function eventMatcher(pattern: string): Matcher {
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

/** TestEventPattern: returns whether a pattern matches an event. @throws AwsError InvalidEventPatternException, ValidationException */
export function testEventPattern(params: Params): { Result: boolean } {
  const event = jsonObject(text(params, "Event"));
  if (event === undefined) throw invalid("Parameter Event is not valid. Reason: it is not a JSON object");
  const absent = MANDATORY.find((field) => event[field] === undefined);
  if (absent !== undefined) throw invalid(`Parameter Event is not valid. Reason: the field ${absent} is mandatory`);
  return { Result: eventMatcher(text(params, "EventPattern") ?? "")(event) };
}

/** Parses a JSON object; returns undefined for other text. */
export function jsonObject(value: string | undefined): Document | undefined {
  try {
    const parsed: unknown = JSON.parse(value ?? "");
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}
