import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { connect } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { EC2Client } from "@aws-sdk/client-ec2";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { IAMClient } from "@aws-sdk/client-iam";
import { CreateAccountCommand, CreateOrganizationCommand, OrganizationsClient } from "@aws-sdk/client-organizations";
import { SNSClient } from "@aws-sdk/client-sns";
import { SQSClient } from "@aws-sdk/client-sqs";
import { STSClient } from "@aws-sdk/client-sts";
import { startEmbeddedAws, VirtualClock } from "../../src/local/aws/index.ts";
import { freePort } from "../../src/local/free-port.ts";

export const ACCOUNT = "123456789012";

/** Something that claims to be AWS. */
export interface Target {
  readonly endpoint: string;
  /** Advances the clock of the embedded AWS; moto_server needs no wait. */
  later(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** The members of the organisation, whose management account is `ACCOUNT`. */
const MEMBERS = ["shop", "lab"].map((name, index) => ({
  name,
  email: `${name}@example.com`,
  id: `22223333444${index}`,
}));

/** The embedded AWS, with a clock that stands still before the retirement of `Status` in Organizations. */
export async function embeddedTarget(): Promise<Target> {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const accounts = [ACCOUNT, ...MEMBERS.map(({ id }) => id)];
  const details = Object.fromEntries(MEMBERS.map(({ id, ...member }) => [id, member]));
  const aws = await startEmbeddedAws({ clock, organization: { id: "o-abcdefghij", accounts, details } });
  return { endpoint: aws.endpoint, later: (ms) => clock.advance(ms), close: () => aws.close() };
}

/** The path of moto_server; undefined if it is not on the PATH. */
export function findMotoServer(): string | undefined {
  return findProgram("moto_server");
}

/** The path of a program; undefined if it is not on the PATH. */
export function findProgram(name: string): string | undefined {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** Starts a moto_server on a free port, and waits until it is ready. @throws Error when it ends or is not ready within 30 s */
export async function motoTarget(file: string): Promise<Target> {
  const port = await freePort();
  const server = spawn(file, ["-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  const gone = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  await untilListening(server, port);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    later: async () => {},
    close: async () => {
      server.kill();
      await gone;
    },
  };
}

async function untilListening(server: ChildProcess, port: number): Promise<void> {
  for (const end = Date.now() + 30_000; Date.now() < end; await pause(50)) {
    if (server.exitCode !== null) throw new Error(`moto_server ended with exit code ${server.exitCode}`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (open) return;
  }
  server.kill();
  throw new Error("moto_server was not ready within 30 s");
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const made = new Map<string, ReturnType<typeof makeClients>>();

/** Founds the organisation in a target that can do so. */
export async function foundOrganization({ endpoint }: Target): Promise<void> {
  const { organizations } = clients(endpoint);
  await organizations.send(new CreateOrganizationCommand({ FeatureSet: "ALL" }));
  for (const { name, email } of MEMBERS) {
    await organizations.send(new CreateAccountCommand({ AccountName: name, Email: email }));
  }
}

/** The SDK's clients against `endpoint`, the same ones for the same arguments. They try once, so that a test sees each error. */
export function clients(
  endpoint: string,
  region = "eu-west-1",
  credentials: Credentials = { accessKeyId: "alice", secretAccessKey: "secret" },
): ReturnType<typeof makeClients> {
  const key = [endpoint, region, credentials.accessKeyId].join(" ");
  const found = made.get(key) ?? makeClients(endpoint, region, credentials);
  made.set(key, found);
  return found;
}

function makeClients(endpoint: string, region: string, credentials: Credentials) {
  const config = { endpoint, region, credentials, maxAttempts: 1 };
  return {
    ec2: new EC2Client(config),
    sns: new SNSClient(config),
    sqs: new SQSClient(config),
    events: new EventBridgeClient(config),
    sts: new STSClient(config),
    iam: new IAMClient(config),
    organizations: new OrganizationsClient(config),
  };
}

let names = 0;

/** A name that no other test uses. */
export function unique(prefix: string): string {
  names += 1;
  return `${prefix}-${process.pid}-${names}`;
}
