import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { dirname } from "node:path";
import { EC2Client, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EmbeddedAws, startEmbeddedAws } from "../../src/local/aws/index.ts";
import { BUILT_FILE } from "../support/hosts.ts";
import { launchEvent } from "../support/launch.ts";

/**
 * AWS's own runtime for Node on Lambda; the test serves its runtime API. The runtime takes minutes to build, so it is no
 * dependency. `LAMBDA_RIC` is the path of aws-lambda-ric where it is installed.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
const ric = process.env.LAMBDA_RIC;

interface Posted {
  readonly path: string;
  readonly body: unknown;
}

describe.skipIf(ric === undefined)(
  ric === undefined
    ? "Lambda's own runtime (skipped: LAMBDA_RIC is not set to the path of aws-lambda-ric)"
    : "Lambda's own runtime",
  () => {
    let aws: EmbeddedAws;
    let runtime: ChildProcess;
    let ec2: EC2Client;
    let waiting: ServerResponse | null = null;
    let events: unknown[] = [];
    let onPosted: (posted: Posted) => void = () => {};
    let calls = 0;

    /** Sends the next event when there is one and the runtime waits. */
    function sendNext(): void {
      if (waiting === null || events.length === 0) return;
      const event = events.shift();
      waiting.writeHead(200, {
        "Content-Type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": `request-${++calls}`,
        "Lambda-Runtime-Deadline-Ms": String(Date.now() + 30_000),
        "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:ec2-audit",
      });
      waiting.end(JSON.stringify(event));
      waiting = null;
    }

    const api = createServer((request, response) => {
      const path = request.url ?? "";
      if (request.method === "GET" && path.endsWith("/invocation/next")) {
        waiting = response;
        sendNext();
        return;
      }
      let body = "";
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => {
        response.writeHead(202).end();
        onPosted({ path, body: JSON.parse(body) });
      });
    });

    /** Sends an event; returns the response that the runtime posts. */
    function invoke(event: unknown): Promise<Posted> {
      events.push(event);
      const posted = new Promise<Posted>((resolve) => {
        onPosted = resolve;
      });
      sendNext();
      return posted;
    }

    beforeAll(async () => {
      aws = await startEmbeddedAws();
      const credentials = { accessKeyId: "local", secretAccessKey: "local" };
      const settings = { region: "us-east-1", endpoint: aws.endpoint, credentials };
      ec2 = new EC2Client(settings);
      await new SNSClient(settings).send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
      api.listen(0, "127.0.0.1");
      await once(api, "listening");
      const address = api.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      runtime = spawn(ric ?? "", ["audit.handler"], {
        cwd: dirname(BUILT_FILE),
        stdio: ["ignore", "ignore", "inherit"],
        env: {
          PATH: process.env.PATH,
          AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
          AWS_REGION: "us-east-1",
          AWS_ACCESS_KEY_ID: "local",
          AWS_SECRET_ACCESS_KEY: "local",
          ALERT_TOPIC_ARN: "arn:aws:sns:us-east-1:123456789012:ec2_audit_alert",
          AWS_ENDPOINT_URL: aws.endpoint,
        },
      });
    }, 60_000);
    afterAll(async () => {
      events = [];
      runtime?.kill("SIGKILL");
      if (runtime) await once(runtime, "exit");
      api.closeAllConnections();
      api.close();
      await aws?.close();
    });

    async function launch(): Promise<string> {
      const { Instances = [] } = await ec2.send(
        new RunInstancesCommand({ ImageId: "ami-0abcdef1234567890", MinCount: 1, MaxCount: 1 }),
      );
      return Instances[0]?.InstanceId ?? "";
    }

    it("gets the handler's result, and the alert is published", async () => {
      const { path, body } = await invoke(launchEvent(await launch(), Date.now() - 120_000));
      expect(path).toMatch(/\/invocation\/request-1\/response$/);
      expect(body).toMatchObject({ outcomes: [{ outcome: "violating" }] });
      expect(aws.callCounts.get("sns:Publish")).toBe(1);
    });

    it("gets an error for a deferred launch, so that Lambda retries it", async () => {
      const { path, body } = await invoke(launchEvent(await launch(), Date.now() - 2_000));
      expect(path).toMatch(/\/invocation\/request-2\/error$/);
      expect(body).toMatchObject({
        errorType: "Audit_deferred",
        errorMessage: expect.stringMatching(/within its grace/),
      });
    });
  },
);
