import {
  ConfirmSubscriptionCommand,
  GetSubscriptionAttributesCommand,
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  ListTagsForResourceCommand,
  SetSubscriptionAttributesCommand,
  SetTopicAttributesCommand,
  SNSClient,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import { mockClient } from "aws-sdk-client-mock";
import { afterEach, describe, expect, it, vi } from "vitest";
import { DELIVERY_POLICY } from "../../../src/sns/subscription.ts";
import { startSubscriber } from "../../local/subscriber.ts";
import {
  aws,
  changesOf,
  DEAD_LETTERS,
  LAUNCH_TOPIC,
  listen,
  queueAttributes,
  run,
  sns,
  startDeafFunction,
  startFunction,
  subscriptionAttributes,
  subscriptions,
  useEmptyAws,
} from "../installed.ts";

useEmptyAws();
afterEach(() => vi.unstubAllGlobals());

it("subscribes the function for an hour of retries and with the dead-letter queue, and waits until it has confirmed", async () => {
  const { url } = await startFunction();
  const { code, out } = await run(`setup --url ${url}`);
  expect([code, out]).toEqual([0, expect.stringContaining("✓ The function has confirmed its subscription")]);
  expect(out).toContain("Next: ec2-audit doctor");
  const { PendingConfirmation, DeliveryPolicy = "", RedrivePolicy = "" } = await subscriptionAttributes(url);
  expect(PendingConfirmation).toBe("false");
  expect(JSON.parse(DeliveryPolicy)).toMatchObject(DELIVERY_POLICY);
  expect(JSON.parse(RedrivePolicy)).toEqual({ deadLetterTargetArn: DEAD_LETTERS });
});

it("changes nothing the second time, nor without --url", async () => {
  const { url } = await startFunction();
  await run(`setup --url ${url}`);
  const again = await changesOf(async () => {
    const { code, out, err } = await run(`setup --url ${url}`);
    expect([code, out, err]).toEqual([
      0,
      expect.stringContaining("nothing to change"),
      "Checking the resources in us-east-1",
    ]);
    await run("setup");
  });
  expect(again).toEqual([]);
});

it("puts the function's own subscription right, which has no dead-letter queue", async () => {
  const { url } = await startFunction();
  await run("setup");
  const Attributes = { DeliveryPolicy: JSON.stringify(DELIVERY_POLICY) };
  await sns.send(new SubscribeCommand({ TopicArn: LAUNCH_TOPIC, Protocol: "http", Endpoint: url, Attributes }));
  await aws.idle();
  expect(await changesOf(() => run(`setup --url ${url}`))).toEqual(["SetSubscriptionAttributes"]);
  expect(await subscriptionAttributes(url)).toMatchObject({ RedrivePolicy: expect.stringContaining(DEAD_LETTERS) });
});

it("puts right, when the function has confirmed, what SNS has not taken before", async () => {
  const { url, received } = await startDeafFunction();
  const confirmWithout = async () => {
    const { Token } = JSON.parse(received.at(-1) ?? "");
    const { SubscriptionArn } = await sns.send(new ConfirmSubscriptionCommand({ TopicArn: LAUNCH_TOPIC, Token }));
    const AttributeName = "RedrivePolicy";
    await sns.send(new SetSubscriptionAttributesCommand({ SubscriptionArn, AttributeName, AttributeValue: "" }));
  };
  expect((await run(`setup --url ${url}`, { pause: confirmWithout })).code).toBe(0);
  expect(await subscriptionAttributes(url)).toMatchObject({ RedrivePolicy: expect.stringContaining(DEAD_LETTERS) });
});

it("gives up after a minute when the function does not confirm, and says what to look at", async () => {
  const { url, settings } = await startFunction();
  settings.LAUNCH_TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:other";
  let waited = 0;
  const pause = async (ms: number) => {
    waited += ms;
  };
  const { code, out } = await run(`setup --region us-east-1 --url ${url}`, { pause });
  expect([code, waited]).toEqual([1, 60_000]);
  expect(out).toContain("The function has not confirmed its subscription within a minute.");
  expect(out).toContain(`curl ${url}`);
  expect(out).toContain(`LAUNCH_TOPIC_ARN, if set, must be ${LAUNCH_TOPIC}.`);
  expect(out).toContain("ec2-audit setup --region us-east-1 --show-policy");
  expect(JSON.parse((await run(`setup --url ${url} --json`)).out)).toMatchObject({ confirmed: false });
});

it("goes on with a subscription that SNS does not take again with other attributes, and puts it right", async () => {
  const mock = mockClient(SNSClient);
  const { url: Endpoint } = await startDeafFunction();
  const listed = (SubscriptionArn: string) => ({ Subscriptions: [{ Protocol: "http", Endpoint, SubscriptionArn }] });
  mock.on(GetTopicAttributesCommand).resolves({ Attributes: {} });
  mock.on(ListTagsForResourceCommand).resolves({});
  mock.on(SetTopicAttributesCommand).resolves({});
  mock.on(ListSubscriptionsByTopicCommand).resolves(listed("PendingConfirmation"));
  const message = "Invalid parameter: Attributes Reason: Subscription already exists with different attributes";
  mock.on(SubscribeCommand).callsFake(({ Attributes }) => {
    if (Attributes) throw Object.assign(new Error(message), { name: "InvalidParameterException" });
    mock.on(ListSubscriptionsByTopicCommand).resolves(listed(`${LAUNCH_TOPIC}:1`));
  });
  mock.on(GetSubscriptionAttributesCommand).resolves({});
  mock.on(SetSubscriptionAttributesCommand).resolves({});
  const { code, err } = await run(`setup --url ${Endpoint}`);
  const set = mock.commandCalls(SetSubscriptionAttributesCommand).map(({ args }) => args[0].input.AttributeName);
  mock.restore();
  expect([code, set], err).toEqual([0, ["DeliveryPolicy", "RedrivePolicy"]]);
});

it("asks for the confirmation again when it is run again", async () => {
  const { url, received } = await startDeafFunction();
  await run(`setup --url ${url}`);
  const { out } = await run(`setup --url ${url}`);
  expect(out).toMatch(/~ function subscription .* confirmation requested again\n {6}confirmation: pending\n/);
  expect(out).not.toMatch(/repaired|→ confirmed/);
  expect(received).toHaveLength(2);
  expect((await run(`setup --dry-run --url ${url}`)).out).toContain("confirmation would be requested again");
});

describe("ec2-audit setup --url asks the URL for its health first, and subscribes and makes nothing", () => {
  const refused = async (url: string) => {
    const calls = await changesOf(async () => {
      const { code, out, err } = await run(`setup --url ${url}`);
      expect([code, out, err]).toEqual([
        2,
        "",
        expect.stringContaining("Check that ec2-audit deploy webtask printed this URL"),
      ]);
      expect(err).toContain(`error: ${url} is not subscribed: `);
      said = err;
    });
    expect(calls).toEqual([]);
    return said;
  };
  let said = "";

  it("when there is no such host", async () => {
    // The names under .invalid are nobody's: RFC 6761.
    vi.stubGlobal("fetch", async () => {
      const cause = Object.assign(new Error("getaddrinfo ENOTFOUND wt.invalid"), { code: "ENOTFOUND" });
      throw new TypeError("fetch failed", { cause });
    });
    expect(await refused("https://wt.invalid/ec2-audit")).toContain("the host does not exist");
  });

  it("when nothing listens there", async () => {
    const gone = await startDeafFunction();
    await gone.close();
    expect(await refused(gone.url)).toContain("the connection was refused");
  });

  it("when something else answers", async () => {
    const other = await startSubscriber(200);
    expect(await refused(other.url)).toContain("it returns 200, but without the health document of ec2-audit");
    await other.close();
  });

  const unreachable = () =>
    vi.stubGlobal("fetch", async () => {
      throw new DOMException("The operation was aborted due to timeout", "TimeoutError");
    });

  it("when it does not answer in time, and names the option for a URL that only SNS can reach", async () => {
    unreachable();
    const said = await refused("https://wt.example.com/ec2-audit");
    expect(said).toContain("it does not respond within 10 s");
    expect(said).toContain("--skip-health-check");
  });

  it("when the function is there and not configured, because it could not confirm", async () => {
    const { url, settings } = await startFunction();
    delete settings.ALERT_TOPIC_ARN;
    const calls = await changesOf(async () => {
      const { code, err } = await run(`setup --url ${url}`);
      expect([code, err]).toEqual([2, expect.stringContaining("its configuration is invalid")]);
      expect(err).toContain("  ALERT_TOPIC_ARN ");
    });
    expect(calls).toEqual([]);
  });

  it("also with --dry-run", async () => {
    unreachable();
    const { code, err } = await run("setup --dry-run --url https://wt.example.com/ec2-audit");
    expect([code, err]).toEqual([2, expect.stringContaining("is not subscribed: it does not respond within 10 s")]);
  });

  it("but not with --skip-health-check, which relies on the function's confirmation", async () => {
    const { url } = await startFunction();
    unreachable();
    const { code, out } = await run(`setup --skip-health-check --url ${url}`);
    expect([code, out]).toEqual([0, expect.stringContaining("✓ The function has confirmed its subscription")]);
  });

  it("but asks nothing of one that has confirmed already", async () => {
    const { url, close } = await startFunction();
    await run(`setup --url ${url}`);
    await close();
    expect((await run(`setup --url ${url}`)).code).toBe(0);
  });
});

it("notes a filter policy, by which launches may not reach the function", async () => {
  const { url } = await startFunction();
  await run(`setup --url ${url}`);
  const SubscriptionArn = (await subscriptions(LAUNCH_TOPIC))[0]?.SubscriptionArn;
  const filter = { AttributeName: "FilterPolicy", AttributeValue: '{"kind":["test"]}' };
  await sns.send(new SetSubscriptionAttributesCommand({ SubscriptionArn, ...filter }));
  const { out } = await run(`setup --url ${url}`);
  expect(out).toContain(
    "It has a filter policy (FilterPolicy): launches that do not match it never reach the function.",
  );
});

it("keeps in the dead-letter queue a launch that the function does not take until SNS gives up", async () => {
  const { url, settings } = await startFunction();
  await run(`setup --url ${url}`);
  const SubscriptionArn = (await subscriptions(LAUNCH_TOPIC))[0]?.SubscriptionArn;
  const AttributeValue = JSON.stringify({ healthyRetryPolicy: { numRetries: 0 } });
  const noRetries = { SubscriptionArn, AttributeName: "DeliveryPolicy", AttributeValue };
  await sns.send(new SetSubscriptionAttributesCommand(noRetries));
  // The function answers 500 without its alert topic.
  delete settings.ALERT_TOPIC_ARN;
  aws.launch({ count: 1 });
  await aws.idle();
  expect(await queueAttributes()).toMatchObject({ ApproximateNumberOfMessages: "1" });
});

it("says that another function is subscribed too, without what may be secret in its URL", async () => {
  const one = await startFunction();
  const other = await startFunction();
  await run("setup");
  await listen("a-queue", LAUNCH_TOPIC);
  await run(`setup --url ${one.url}?key=secret`);
  const { out } = await run(`setup --url ${other.url}`);
  expect(out).toContain(`${one.url}?… is also subscribed`);
  expect(out).not.toMatch(/secret|a-queue/);
  expect(await subscriptions(LAUNCH_TOPIC)).toHaveLength(3);
});
