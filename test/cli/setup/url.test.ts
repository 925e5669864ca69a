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
import { DELIVERY_POLICY } from "../../../src/aws/retry-policy.ts";
import { nextSteps } from "../../../src/cli/setup/next-steps.ts";
import { installationOf, namesOf } from "../../../src/cli/setup/plan.ts";
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
  useSharedAws,
} from "../installed.ts";

afterEach(() => vi.unstubAllGlobals());

const setSubscription = async (AttributeName: string, AttributeValue: string) => {
  const [{ SubscriptionArn } = {}] = await subscriptions(LAUNCH_TOPIC);
  await sns.send(new SetSubscriptionAttributesCommand({ SubscriptionArn, AttributeName, AttributeValue }));
};

describe("ec2-audit setup --url with a configured function", () => {
  let deployed: Awaited<ReturnType<typeof startFunction>>;
  useSharedAws(async () => {
    deployed = await startFunction();
  });

  it("subscribes it with an hour of retries and the dead-letter queue, and waits for its confirmation", async () => {
    const { url } = deployed;
    const { code, out } = await run(`setup --url ${url}`);
    expect([code, out]).toEqual([0, expect.stringContaining("✓ The function has confirmed its subscription")]);
    expect(out).toContain("Next: ec2-audit doctor");
    const { PendingConfirmation, DeliveryPolicy = "", RedrivePolicy = "" } = await subscriptionAttributes(url);
    expect(PendingConfirmation).toBe("false");
    expect(JSON.parse(DeliveryPolicy)).toMatchObject(DELIVERY_POLICY);
    expect(JSON.parse(RedrivePolicy)).toEqual({ deadLetterTargetArn: DEAD_LETTERS });
  });

  it("changes nothing if it has confirmed, and does not check its health", async () => {
    const changes = await changesOf(async () => {
      const { code, out, err } = await run(`setup --url ${deployed.url}`);
      expect([code, out, err]).toEqual([
        0,
        expect.stringContaining("nothing to change"),
        "Checking the resources in us-east-1",
      ]);
    });
    expect(changes).toEqual([]);
  });

  it("moves a launch that it does not accept to the dead-letter queue after the last retry", async () => {
    await setSubscription("DeliveryPolicy", JSON.stringify({ healthyRetryPolicy: { numRetries: 0 } }));
    // Without its alert topic, the function returns 500.
    delete deployed.settings.ALERT_TOPIC_ARN;
    aws.launch({ count: 1 });
    await aws.idle();
    expect(await queueAttributes()).toMatchObject({ ApproximateNumberOfMessages: "1" });
  });

  it("reports a filter policy", async () => {
    await setSubscription("FilterPolicy", '{"kind":["test"]}');
    expect((await run(`setup --url ${deployed.url}`)).out).toContain(
      "It has a filter policy (FilterPolicy): launches that do not match it never reach the function.",
    );
  });

  it("reports another subscribed function, without the secrets in its URL", async () => {
    await listen("a-queue", LAUNCH_TOPIC);
    const other = await startFunction();
    await run(`setup --url ${other.url}?key=secret`);
    const { out } = await run(`setup --url ${deployed.url}`);
    expect(out).toContain(`${other.url}?… is also subscribed. If it is a function, alerts are sent twice.`);
    expect(out).not.toMatch(/secret|a-queue/);
    expect(await subscriptions(LAUNCH_TOPIC)).toHaveLength(3);
  });
});

describe("ec2-audit setup --url with a function that has not confirmed", () => {
  useEmptyAws();

  it("stops waiting after a minute, and prints the checks to make", async () => {
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
  });

  it("requests the confirmation again when it is run again", async () => {
    const { url, received } = await startDeafFunction();
    expect(JSON.parse((await run(`setup --url ${url} --json`)).out)).toMatchObject({ confirmed: false });
    const { out } = await run(`setup --url ${url}`);
    expect(out).toMatch(/~ function subscription .* confirmation requested again\n {6}confirmation: pending\n/);
    expect(out).not.toContain("repaired");
    expect(received).toHaveLength(2);
    expect((await run(`setup --dry-run --url ${url}`)).out).toContain("confirmation would be requested again");
  });

  it("repairs the attributes that SNS did not accept before the confirmation", async () => {
    const { url, received } = await startDeafFunction();
    const confirmWithout = async () => {
      const { Token } = JSON.parse(received.at(-1) ?? "");
      await sns.send(new ConfirmSubscriptionCommand({ TopicArn: LAUNCH_TOPIC, Token }));
      await setSubscription("RedrivePolicy", "");
    };
    expect((await run(`setup --url ${url}`, { pause: confirmWithout })).code).toBe(0);
    expect(await subscriptionAttributes(url)).toMatchObject({ RedrivePolicy: expect.stringContaining(DEAD_LETTERS) });
  });

  it("subscribes without attributes if SNS has a pending subscription with others, and repairs them", async () => {
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
    const { code, err } = await run(`setup --url ${Endpoint}`).finally(() => mock.restore());
    const set = mock.commandCalls(SetSubscriptionAttributesCommand).map(({ args }) => args[0].input.AttributeName);
    expect([code, set], err).toEqual([0, ["DeliveryPolicy", "RedrivePolicy"]]);
  });
});

describe("ec2-audit setup --url changes nothing", () => {
  useSharedAws();

  async function errorOf(line: string): Promise<string> {
    let message = "";
    const changes = await changesOf(async () => {
      const { code, out, err } = await run(line);
      expect([code, out]).toEqual([2, ""]);
      message = err;
    });
    expect(changes).toEqual([]);
    return message;
  }

  const failedFetch = (code: string) => new TypeError("fetch failed", { cause: Object.assign(new Error(), { code }) });

  it.each([
    ["the host does not exist", failedFetch("ENOTFOUND")],
    ["the connection was refused", failedFetch("ECONNREFUSED")],
    ["it does not respond within 10 s", new DOMException("The operation was aborted due to timeout", "TimeoutError")],
  ])("if the health check fails because %s, also in a dry run", async (reason, error) => {
    vi.stubGlobal("fetch", () => Promise.reject(error));
    const message = await errorOf("setup --dry-run --url https://wt.example.com/ec2-audit");
    expect(message).toContain(`error: https://wt.example.com/ec2-audit is not subscribed: ${reason}`);
    expect(message).toContain("Check that ec2-audit deploy webtask printed this URL");
    expect(message).toContain("--skip-health-check");
  });

  it("if another service responds", async () => {
    const other = await startSubscriber(200);
    expect(await errorOf(`setup --url ${other.url}`)).toContain("it returns 200, but without the health document");
    await other.close();
  });

  it("if the function is not configured, because it could not confirm", async () => {
    const { url, settings } = await startFunction();
    delete settings.ALERT_TOPIC_ARN;
    const message = await errorOf(`setup --url ${url}`);
    expect(message).toContain("its configuration is invalid");
    expect(message).toContain("  ALERT_TOPIC_ARN ");
  });

  it("unless --skip-health-check is given, which relies on the function's confirmation", async () => {
    const { url } = await startFunction();
    vi.stubGlobal("fetch", () => Promise.reject(failedFetch("ENOTFOUND")));
    const { code, out } = await run(`setup --skip-health-check --url ${url}`);
    expect([code, out]).toEqual([0, expect.stringContaining("✓ The function has confirmed its subscription")]);
  });
});

describe("the next steps after ec2-audit setup without --url", () => {
  const SubscriptionArn = `${LAUNCH_TOPIC}:1`;
  const next = (...subscriptions: readonly object[]) => {
    const installation = installationOf("us-east-1", "123456789012", namesOf({ alertTopic: "alerts" }));
    const plan = { ...installation, rules: [], otherRules: [], emails: [], url: null, tags: {} };
    return nextSteps(plan, { region: "us-east-1", alertTopic: "alerts" }, subscriptions);
  };

  it("deploy a function, on webtask or on Lambda", () => {
    expect(next()).toContain("  2. ec2-audit deploy webtask\n");
    expect(next()).toContain("Or on AWS Lambda, which needs no setup:\n");
    expect(next()).toContain("  1. ec2-audit teardown --region us-east-1 --alert-topic alerts\n");
    expect(next()).toMatch(/ {2}2\. ec2-audit deploy lambda --region us-east-1$/);
  });

  it("check the installation if SNS already calls a function", () => {
    expect(next({ Protocol: "https", Endpoint: "https://one.example/?key=secret", SubscriptionArn })).toBe(
      "SNS calls https://one.example/?… at every launch. To check the installation: ec2-audit doctor --region us-east-1 --alert-topic alerts",
    );
  });

  it("request the confirmation of a function that has not confirmed", () => {
    const text = next({ Protocol: "https", Endpoint: "https://one.example/", SubscriptionArn: "PendingConfirmation" });
    expect(text).toContain("Next: https://one.example/ has not confirmed its subscription.");
    expect(text).toContain("--url https://one.example/");
    expect(text).not.toContain("deploy");
  });

  it("cover both creators of a subscribed queue, because only the operator knows which it was", () => {
    const Endpoint = "arn:aws:sqs:us-east-1:123456789012:launches";
    expect(next({ Protocol: "sqs", Endpoint, SubscriptionArn })).toContain(
      `${Endpoint} receives the launches. If ec2-audit deploy lambda created it, nothing is left to do.\n`,
    );
  });
});
