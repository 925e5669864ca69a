import { DIGEST_SCHEMA } from "../../src/fleet/digest-document.ts";
import type { CertificateServer } from "../../src/local/aws/certificate-server.ts";
import type { EmbeddedAws, RecordedCall } from "../../src/local/aws/index.ts";
import type { FunctionHost } from "./functions.ts";
import type { LockstepClock } from "./lockstep-clock.ts";
import { findingsIn } from "./messages.ts";
import { NO_ROLE } from "./places.ts";
import { topicOf } from "./policy.ts";
import type { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";
import type { Kill, Outage, Scenario } from "./scenario.ts";

/** The parts of a run that a scenario makes fail. */
export interface Targets {
  readonly aws: EmbeddedAws;
  readonly certificates: CertificateServer;
  readonly functionHost: FunctionHost;
  readonly clock: LockstepClock;
  readonly recorder: Recorder;
  readonly random: Random;
}

/** The running fault injection. */
export interface FaultInjection {
  /** Must be called when AWS has carried out a call, before it responds: a planned kill happens then. */
  onCall(call: RecordedCall): void;
}

/** Schedules all faults of a scenario from this moment on. */
export function injectFaults(
  scenario: Scenario,
  { aws, certificates, functionHost, clock, recorder, random }: Targets,
): FaultInjection {
  const open = new Set<Outage>();
  const deadKeys = new Set<string>();
  const armed: Kill[] = [];

  aws.faults.add({ kind: "bad-key", when: ({ accessKeyId }) => deadKeys.has(accessKeyId) });
  aws.faults.add({
    service: "sts",
    kind: "deny",
    when: ({ params }) => String(params.RoleArn).includes(NO_ROLE.account),
  });
  for (const outage of scenario.outages) {
    const { fault, share, from, until, topic } = outage;
    clock.after(from, () => open.add(outage));
    clock.after(until, () => open.delete(outage));
    aws.faults.add({
      ...fault,
      when: ({ action, accessKeyId, params }) => {
        const to = topicOf(String(params.TopicArn));
        const matches = open.has(outage) && accessKeyId !== "operator" && (topic === undefined || topic === to);
        const applies = matches && random.chance(share);
        if (applies && action === "Publish" && (fault.kind === "hangup" || fault.kind === "slow")) {
          if (isDigest(params)) recorder.sweepFailed("the response to Publish was lost");
          const ids = findingsIn(String(params.Message)).map(({ instanceId }) => instanceId);
          recorder.cause(ids, "the response to Publish was lost", to);
        }
        return applies;
      },
    });
  }
  for (const kill of scenario.kills) {
    clock.after(kill.from, () => armed.push(kill));
  }
  for (const { oldEndsAt, at } of scenario.secretRotations) {
    clock.after(oldEndsAt, () => {
      for (const key of functionHost.keys()) deadKeys.add(key);
    });
    clock.after(at, () => functionHost.rotate());
  }
  for (const { at, failsForMs } of scenario.certificateRotations) {
    clock.after(at, () => {
      clock.hold(aws.rotateSigningCertificate());
      certificates.behave("error");
    });
    clock.after(at + failsForMs, () => certificates.behave("serve"));
  }

  return {
    onCall({ action, status, accessKeyId, params }) {
      const isOfSweep = params.MaxResults !== undefined || isDigest(params);
      const index = armed.findIndex(({ call, ofSweep }) => call === action && (ofSweep === undefined || isOfSweep));
      if (index < 0 || status !== 200 || !functionHost.keys().includes(accessKeyId)) return;
      // A proxy's page has status 200 too, but AWS carried out nothing.
      if ([...open].some(({ fault }) => fault.kind === "html")) return;
      const { downMs = 0 } = armed[index] ?? {};
      if (!functionHost.kill(accessKeyId, downMs)) return;
      recorder.killed(downMs);
      armed.splice(index, 1);
    },
  };
}

function isDigest({ Message }: RecordedCall["params"]): boolean {
  return String(Message).includes(DIGEST_SCHEMA);
}
