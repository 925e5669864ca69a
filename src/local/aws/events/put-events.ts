import { type Params, structures, text, texts } from "../params.ts";
import type { Caller } from "../service.ts";
import type { Emit } from "./bus.ts";
import { invalid } from "./errors.ts";
import { jsonObject } from "./event-pattern.ts";

const MAX_ENTRIES = 10;
/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size */
const MAX_BYTES = 262_144;

/** PutEvents. @throws AwsError ValidationException */
export function putEvents(params: Params, caller: Caller, emit: Emit) {
  const entries = structures(params, "Entries");
  if (entries.length < 1 || entries.length > MAX_ENTRIES) {
    throw invalid(
      `1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length between 1 and ${MAX_ENTRIES}`,
    );
  }
  const size = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
  if (size > MAX_BYTES) throw invalid("Total size of the entries in the request is over the limit.");
  const results = entries.map((entry) => putEvent(entry, caller, emit));
  return { FailedEntryCount: results.filter((result) => "ErrorCode" in result).length, Entries: results };
}

function putEvent(entry: Params, caller: Caller, emit: Emit) {
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

function entryBytes(entry: Params): number {
  const parts = [text(entry, "Source"), text(entry, "DetailType"), text(entry, "Detail"), ...texts(entry, "Resources")];
  const time = entry.Time === undefined ? 0 : 14;
  return parts.reduce((sum, part) => sum + Buffer.byteLength(part ?? ""), time);
}
