import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { unwrapMessage, unwrapQueued } from "../../src/sns/message.ts";
import { stateChange } from "../support/events.ts";
import { notification, signed } from "../support/sns.ts";

describe("a message that came through a queue", () => {
  it("is the event in SNS's envelope", () => {
    expect(unwrapQueued(JSON.stringify(signed(notification(stateChange()))))).toEqual({ event: stateChange() });
  });

  it("is the event itself where there is no envelope", () => {
    expect(unwrapQueued(JSON.stringify(stateChange()))).toEqual({ event: stateChange() });
  });

  it.each([
    { Message: "{}" },
    { Type: "SubscriptionConfirmation", Message: "{}" },
    { Type: "Notification", Message: {} },
  ])("is the event itself where it only looks like an envelope: %j", (event) => {
    expect(unwrapQueued(JSON.stringify(event))).toEqual({ event });
  });

  it("is no delivery when it, or what is in its envelope, is not JSON", () => {
    expect(unwrapQueued("hello")).toEqual({ malformed: "the message is not JSON" });
    expect(unwrapQueued(JSON.stringify(signed(notification("hello"))))).toEqual({
      malformed: "the envelope's Message is not JSON",
    });
  });

  it("comes out as it went in, whatever JSON it is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (event) => {
        const text = JSON.stringify(event);
        expect(unwrapMessage(text)).toEqual({ event: JSON.parse(text) });
        expect(unwrapQueued(JSON.stringify(notification(text)))).toEqual({ event: JSON.parse(text) });
      }),
    );
  });
});
