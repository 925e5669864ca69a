import type { Clock } from "../clock.ts";
import { AwsError } from "../errors.ts";
import { integer, type Params, text } from "../params.ts";
import type { XmlFields } from "../service.ts";
import type { Ec2State, Instance, MetadataOptions } from "./model.ts";
import { changeableInstances, missing } from "./validation.ts";

/** The time until a change of a running instance's options is applied, in ms. */
const APPLY_MS = 1_000;

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-options.html, without defaults of account and image. */
export const DEFAULT_METADATA_OPTIONS: MetadataOptions = {
  httpTokens: "optional",
  httpEndpoint: "enabled",
  hopLimit: 1,
};

/** Reads the metadata options of a request. @throws AwsError InvalidParameterValue */
export function readMetadataOptions(params: Params): Partial<MetadataOptions> {
  const httpTokens = oneOf(params, "HttpTokens", ["optional", "required"]);
  const httpEndpoint = oneOf(params, "HttpEndpoint", ["enabled", "disabled"]);
  const hopLimit = integer(params, "HttpPutResponseHopLimit");
  if (hopLimit !== undefined && !(hopLimit >= 1 && hopLimit <= 64)) throw invalid(params, "HttpPutResponseHopLimit");
  return { ...(httpTokens && { httpTokens }), ...(httpEndpoint && { httpEndpoint }), ...(hopLimit && { hopLimit }) };
}

function oneOf<T extends string>(params: Params, name: string, values: readonly T[]): T | undefined {
  const asked = text(params, name);
  const value = values.find((each) => each === asked);
  if (asked !== undefined && value === undefined) throw invalid(params, name);
  return value;
}

function invalid(params: Params, name: string): AwsError {
  return new AwsError("InvalidParameterValue", `Value (${text(params, name)}) for parameter ${name} is invalid.`);
}

/**
 * ModifyInstanceMetadataOptions. The change of a running instance is applied after a moment, that of a stopped one when it starts.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceMetadataOptions.html
 */
export function modifyMetadataOptions(state: Ec2State, params: Params, clock: Clock): XmlFields {
  const id = text(params, "InstanceId");
  if (id === undefined) throw missing("InstanceId");
  const [instance] = changeableInstances(state, [id]);
  if (instance === undefined || !["running", "stopped"].includes(instance.state)) {
    throw new AwsError(
      "IncorrectInstanceState",
      `The instance '${id}' is not in a state from which its metadata options can be modified.`,
    );
  }
  instance.metadataOptions = { ...instance.metadataOptions, ...readMetadataOptions(params) };
  instance.metadataPending = true;
  if (instance.state === "running") {
    clock.after(APPLY_MS, () => {
      instance.metadataPending = false;
    });
  }
  return { instanceId: id, instanceMetadataOptions: metadataFields(instance) };
}

/** Returns the metadata options of an instance as EC2 writes them. */
export function metadataFields({ metadataOptions, metadataPending }: Instance): XmlFields {
  return {
    state: metadataPending ? "pending" : "applied",
    httpTokens: metadataOptions.httpTokens,
    httpPutResponseHopLimit: metadataOptions.hopLimit,
    httpEndpoint: metadataOptions.httpEndpoint,
    httpProtocolIpv6: "disabled",
    instanceMetadataTags: "disabled",
  };
}
