/**
 * The events and the context that Lambda passes to its function, as AWS documents them.
 * SNS: https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
 * SQS: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
 * Function URL: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
 */
import type { LambdaContext } from "../../src/adapters/lambda.ts";
import { LAUNCH_TOPIC } from "./sns.ts";

/** A context with a number of milliseconds left. */
export function contextWith(milliseconds = 30_000): LambdaContext {
  return { getRemainingTimeInMillis: () => milliseconds };
}

/** The event of an SNS subscription; SNS hands over one record at a time. */
export function snsEvent(...messages: readonly string[]) {
  return {
    Records: messages.map((Message) => ({
      EventVersion: "1.0",
      EventSubscriptionArn: `${LAUNCH_TOPIC}:21be56ed-a058-49f5-8c98-aedd2564c486`,
      EventSource: "aws:sns",
      Sns: {
        SignatureVersion: "1",
        Timestamp: "2021-11-11T21:29:54.655Z",
        Signature: "tcc6faL2yUC6dgZdmrwh1Y4cGa/ebXEkAi6RibDsvpi+tE/1+82j...65r==",
        SigningCertUrl:
          "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-ac565b8b1a6c5d002d285f9598aa1d9b.pem",
        MessageId: "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
        Message,
        MessageAttributes: {},
        Type: "Notification",
        UnsubscribeUrl: `https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=${LAUNCH_TOPIC}:21be56ed-a058-49f5-8c98-aedd2564c486`,
        TopicArn: LAUNCH_TOPIC,
        Subject: null,
      },
    })),
  };
}

/** The id of the message at an index of an SQS batch. */
export function messageId(index: number): string {
  return `059f36b4-87a3-44ab-83d2-66197${String(index).padStart(7, "0")}`;
}

/** A batch of SQS messages with these bodies. */
export function sqsEvent(...bodies: readonly string[]) {
  return {
    Records: bodies.map((body, index) => ({
      messageId: messageId(index),
      receiptHandle: "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
      body,
      attributes: {
        ApproximateReceiveCount: "1",
        SentTimestamp: "1636666194000",
        SenderId: "AIDAIENQZJOLO23YVJ4VO",
        ApproximateFirstReceiveTimestamp: "1636666194010",
      },
      messageAttributes: {},
      md5OfBody: "e4e68fb7bd0e697a0ae8f1bb342846b3",
      eventSource: "aws:sqs",
      eventSourceARN: "arn:aws:sqs:us-east-1:123456789012:my-queue",
      awsRegion: "us-east-1",
    })),
  };
}

interface UrlRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Lambda encodes bodies that are not text, or whose content type is not a text type. */
  readonly base64?: boolean;
}

/** A request of a function URL or HTTP API, payload format 2.0. */
export function urlEvent({ method = "POST", headers = {}, body, base64 = body instanceof Buffer }: UrlRequest = {}) {
  const encoded = body !== undefined && base64 ? Buffer.from(body).toString("base64") : body;
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: "/",
    rawQueryString: "",
    headers: { host: "url-id.lambda-url.us-east-1.on.aws", "x-forwarded-proto": "https", ...headers },
    requestContext: {
      accountId: "anonymous",
      apiId: "url-id",
      domainName: "url-id.lambda-url.us-east-1.on.aws",
      domainPrefix: "url-id",
      http: { method, path: "/", protocol: "HTTP/1.1", sourceIp: "203.0.113.1", userAgent: "agent" },
      requestId: "84545120-9bda-41af-9b45-6bd9fb4503a6",
      routeKey: "$default",
      stage: "$default",
      time: "11/Nov/2021:21:29:54 +0000",
      timeEpoch: 1636666194000,
    },
    ...(encoded !== undefined && { body: encoded }),
    isBase64Encoded: base64,
  };
}
