import type { CertificateServer } from "../../src/local/aws/certificate-server.ts";
import type { EmbeddedAws, RecordedCall } from "../../src/local/aws/index.ts";
import { isObject } from "../../src/util/json.ts";
import type { Hosted } from "./functions.ts";
import type { LockstepClock } from "./lockstep-clock.ts";
import { type Kill, type Outage, type Plan, STRANGER } from "./plan.ts";
import type { Random } from "./random.ts";
import { instancesInAlert, type Recorder } from "./recorder.ts";

/** What the troubles of a plan strike. */
export interface Struck {
  readonly aws: EmbeddedAws;
  readonly certificates: CertificateServer;
  readonly hosted: Hosted;
  readonly clock: LockstepClock;
  readonly recorder: Recorder;
  readonly random: Random;
}

/** The troubles under way. */
export interface Trouble {
  /** Must be told of each call that AWS has carried out, before it is answered: then is the time to kill. */
  onCall(call: RecordedCall): void;
}

/** Makes all that goes wrong in a plan go wrong in its time, from now on. */
export function makeTrouble(plan: Plan, { aws, certificates, hosted, clock, recorder, random }: Struck): Trouble {
  const open = new Set<Outage>();
  const deadKeys = new Set<string>();
  const armed: Kill[] = [];

  aws.faults.add({ kind: "bad-key", when: ({ accessKeyId }) => deadKeys.has(accessKeyId) });
  aws.faults.add({
    service: "sts",
    kind: "deny",
    when: ({ params }) => String(params.RoleArn).includes(STRANGER.account),
  });
  for (const outage of plan.outages) {
    const { fault, share, from, until } = outage;
    clock.after(from, () => open.add(outage));
    clock.after(until, () => open.delete(outage));
    aws.faults.add({
      ...fault,
      when: ({ action, accessKeyId, params }) => {
        const strikes = open.has(outage) && accessKeyId !== "operator" && random.chance(share);
        if (strikes && action === "Publish" && (fault.kind === "hangup" || fault.kind === "slow")) {
          recorder.cause(instancesInAlert(documentIn(String(params.Message))), "the answer to Publish was lost");
        }
        return strikes;
      },
    });
  }
  for (const kill of plan.kills) {
    clock.after(kill.from, () => armed.push(kill));
  }
  for (const { oldEndsAt, at } of plan.secretRotations) {
    clock.after(oldEndsAt, () => {
      for (const key of hosted.keys()) deadKeys.add(key);
    });
    clock.after(at, () => hosted.rotate());
  }
  for (const { at, failsForMs } of plan.certificateRotations) {
    clock.after(at, () => {
      clock.hold(aws.rotateSigningCertificate());
      certificates.behave("error");
    });
    clock.after(at + failsForMs, () => certificates.behave("serve"));
  }

  return {
    onCall({ action, status, accessKeyId }) {
      const index = armed.findIndex(({ call }) => call === action);
      if (index < 0 || status !== 200 || !hosted.keys().includes(accessKeyId)) return;
      // A proxy's page is a 200 too, and nothing was carried out.
      if ([...open].some(({ fault }) => fault.kind === "html")) return;
      const { downMs = 0 } = armed[index] ?? {};
      if (!hosted.kill(accessKeyId, downMs)) return;
      recorder.killed(downMs);
      armed.splice(index, 1);
    },
  };
}

/** The document for programs in a message of `MessageStructure: json`. */
function documentIn(message: string): string {
  const texts: unknown = JSON.parse(message);
  return isObject(texts) ? String(texts.default) : "";
}
