import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { unwrapMessage, unwrapQueued } from "../../src/sns/message.ts";
import { stateChange } from "../support/events.ts";
import { notification, signed } from "../support/sns.ts";

describe("unwrapQueued", () => {
  it("returns the event in SNS's envelope", () => {
    expect(unwrapQueued(JSON.stringify(signed(notification(stateChange()))))).toEqual({ event: stateChange() });
  });

  it("returns the event itself if there is no envelope", () => {
    expect(unwrapQueued(JSON.stringify(stateChange()))).toEqual({ event: stateChange() });
  });

  it.each([
    { Message: "{}" },
    { Type: "SubscriptionConfirmation", Message: "{}" },
    { Type: "Notification", Message: {} },
  ])("returns a value that only resembles an envelope as the event: %j", (event) => {
    expect(unwrapQueued(JSON.stringify(event))).toEqual({ event });
  });

  it("returns malformed if the body, or the message in it, is not JSON", () => {
    expect(unwrapQueued("hello")).toEqual({ malformed: "the message is not JSON" });
    expect(unwrapQueued(JSON.stringify(signed(notification("hello"))))).toEqual({
      malformed: "the envelope's Message is not JSON",
    });
  });

  it("returns any JSON unchanged, as does unwrapMessage", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (event) => {
        const text = JSON.stringify(event);
        expect(unwrapMessage(text)).toEqual({ event: JSON.parse(text) });
        expect(unwrapQueued(JSON.stringify(notification(text)))).toEqual({ event: JSON.parse(text) });
      }),
    );
  });
});
