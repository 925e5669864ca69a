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
 * AWS's own runtime for Node on Lambda, with a stand-in for the runtime API that hands it events. It takes minutes to
 * build, so it is no dependency: `LAMBDA_RIC` says where its program is, when it is installed elsewhere.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
const ric = process.env.LAMBDA_RIC;

interface Answered {
  readonly path: string;
  readonly body: unknown;
}

describe.skipIf(ric === undefined)(
  ric === undefined
    ? "Lambda's own runtime (skipped: LAMBDA_RIC does not say where aws-lambda-ric is)"
    : "Lambda's own runtime",
  () => {
    let aws: EmbeddedAws;
    let runtime: ChildProcess;
    let ec2: EC2Client;
    let waiting: ServerResponse | null = null;
    let events: unknown[] = [];
    let answered: (answer: Answered) => void = () => {};
    let calls = 0;

    /** Gives the runtime its next event, once both are there. */
    function hand(): void {
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
        hand();
        return;
      }
      let body = "";
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => {
        response.writeHead(202).end();
        answered({ path, body: JSON.parse(body) });
      });
    });

    /** What the runtime reports for an event. */
    function invoke(event: unknown): Promise<Answered> {
      events.push(event);
      const answer = new Promise<Answered>((resolve) => {
        answered = resolve;
      });
      hand();
      return answer;
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

    it("is answered what the handler answers, and the alert is published", async () => {
      const { path, body } = await invoke(launchEvent(await launch(), Date.now() - 120_000));
      expect(path).toMatch(/\/invocation\/request-1\/response$/);
      expect(body).toMatchObject({ outcomes: [{ outcome: "violating" }] });
      expect(aws.callCounts.get("sns:Publish")).toBe(1);
    });

    it("is told of a deferred launch by an error, by which Lambda tries it again", async () => {
      const { path, body } = await invoke(launchEvent(await launch(), Date.now() - 2_000));
      expect(path).toMatch(/\/invocation\/request-2\/error$/);
      expect(body).toMatchObject({
        errorType: "Audit_deferred",
        errorMessage: expect.stringMatching(/within its grace/),
      });
    });
  },
);
