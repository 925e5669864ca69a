import { lambdaHandler } from "../../src/adapters/lambda.ts";
import { createApp } from "../../src/app.ts";
import type { EmbeddedAws, VirtualClock } from "../../src/local/aws/index.ts";
import { pinnedCertificate, readCertificate } from "../../src/sns/certificate.ts";

/** The function's handler for Lambda on an embedded AWS, with its clock. Takes the ARN of the alert topic. */
export function handlerOn(aws: EmbeddedAws, clock: VirtualClock, alertTopicArn: string | undefined) {
  const env = {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
    AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    ALERT_TOPIC_ARN: alertTopicArn,
    AWS_ENDPOINT_URL: aws.endpoint,
  };
  const now = () => clock.now();
  const certificates = pinnedCertificate(readCertificate(aws.signingCert), now);
  return lambdaHandler(createApp(env, { now, write: () => {}, certificates }));
}
