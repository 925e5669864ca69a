import type {
  Instance as Ec2Instance,
  SecurityGroup as Ec2SecurityGroup,
  Volume as Ec2Volume,
  InstanceImageMetadata,
  TagDescription,
  Vpc,
} from "@aws-sdk/client-ec2";
import type { Fact, Facts, Unknown } from "../../facts/facts.ts";
import { type Image, readImage } from "../../facts/images.ts";
import { type Instance, readInstance } from "../../facts/instances.ts";
import { launcherOf } from "../../facts/launcher.ts";
import { readSecurityGroup, type SecurityGroup } from "../../facts/security-groups.ts";
import { isTerminated } from "../../facts/terminated.ts";
import { readVolume, type Volume } from "../../facts/volumes.ts";
import { evaluate, type Verdict } from "../../policy/evaluate.ts";
import type { Policy } from "../../policy/policy.ts";
import { isObject } from "../../util/json.ts";
import { readerOf } from "./shape.ts";

/** What documents of the AWS CLI say of instances, merged. */
export interface Documents {
  /** By id, in the order of the documents. */
  readonly instances: ReadonlyMap<string, DocumentedInstance>;
  /** By id; null if no document has security groups. */
  readonly securityGroups: ReadonlyMap<string, SecurityGroup> | null;
  /** By instance id. */
  readonly images: ReadonlyMap<string, Image>;
  readonly volumes: Volumes | null;
  /** Whether a VPC is the default one, by id. */
  readonly vpcs: ReadonlyMap<string, boolean> | null;
}

interface DocumentedInstance {
  readonly instance: Instance;
  /** Null if no document says it. */
  readonly account: string | null;
  readonly region: string | null;
}

interface Volumes {
  readonly byId: ReadonlyMap<string, Volume>;
  /** The ids of the attached volumes, by instance id. */
  readonly attached: ReadonlyMap<string, readonly string[]>;
}

/** A document and the name of its file. */
export interface NamedDocument {
  readonly name: string;
  /** The parsed JSON. */
  readonly value: unknown;
}

/** The account and region of instances whose documents do not say them; null if they are not known. */
export interface AssumedPlace {
  readonly account: string | null;
  readonly region: string | null;
}

/** An instance and its verdicts, in the order of the policy's rules. */
export interface JudgedInstance {
  readonly instance: Instance;
  readonly verdicts: readonly Verdict[];
}

const TAGS = [{ Key: "string", Value: "string" }] as const;

const INSTANCE = readerOf<Ec2Instance>({
  InstanceId: "string",
  State: { Name: "string" },
  Tags: TAGS,
  InstanceType: "string",
  ImageId: "string",
  KeyName: "string",
  Placement: { AvailabilityZone: "string", Tenancy: "string" },
  VpcId: "string",
  SubnetId: "string",
  PrivateIpAddress: "string",
  PublicIpAddress: "string",
  Ipv6Address: "string",
  IamInstanceProfile: { Arn: "string" },
  LaunchTime: "date",
  SecurityGroups: [{ GroupId: "string", GroupName: "string" }],
  NetworkInterfaces: [
    {
      OwnerId: "string",
      Attachment: { DeviceIndex: "number", NetworkCardIndex: "number", AttachTime: "date" },
      Association: { PublicIp: "string" },
      PrivateIpAddresses: [{ Association: { PublicIp: "string" } }],
      Ipv6Addresses: [{ Ipv6Address: "string" }],
      Groups: [{ GroupId: "string", GroupName: "string" }],
    },
  ],
  MetadataOptions: { HttpTokens: "string", HttpEndpoint: "string", HttpPutResponseHopLimit: "number" },
  InstanceLifecycle: "string",
  Operator: { Managed: "boolean", Principal: "string" },
  Architecture: "string",
  PlatformDetails: "string",
  Platform: "string",
  BlockDeviceMappings: [{ Ebs: { VolumeId: "string" } }],
});

const SECURITY_GROUP = readerOf<Ec2SecurityGroup>({
  GroupId: "string",
  GroupName: "string",
  Tags: TAGS,
  IpPermissions: [
    {
      IpProtocol: "string",
      FromPort: "number",
      ToPort: "number",
      IpRanges: [{ CidrIp: "string" }],
      Ipv6Ranges: [{ CidrIpv6: "string" }],
      PrefixListIds: [{ PrefixListId: "string" }],
    },
  ],
});

const VOLUME = readerOf<Ec2Volume>({
  VolumeId: "string",
  Encrypted: "boolean",
  KmsKeyId: "string",
  Attachments: [{ InstanceId: "string" }],
});

const IMAGE = readerOf<InstanceImageMetadata>({
  InstanceId: "string",
  ImageMetadata: {
    ImageId: "string",
    Name: "string",
    OwnerId: "string",
    ImageOwnerAlias: "string",
    State: "string",
    CreationDate: "string",
    DeprecationTime: "string",
    ImageAllowed: "boolean",
    IsPublic: "boolean",
  },
});

const TAG = readerOf<TagDescription>({ ResourceId: "string", Key: "string", Value: "string" });
const VPC = readerOf<Vpc>({ VpcId: "string", IsDefault: "boolean" });

/** The keys of a document, with the AWS CLI's command that prints it. */
const COMMANDS = {
  Reservations: "describe-instances",
  Instances: "describe-instances",
  SecurityGroups: "describe-security-groups",
  Volumes: "describe-volumes",
  InstanceImageMetadata: "describe-instance-image-metadata",
  Tags: "describe-tags",
  Vpcs: "describe-vpcs",
} as const;
type Key = keyof typeof COMMANDS;
const KEYS = Object.keys(COMMANDS) as Key[];

const SHAPE =
  'must have "Reservations", "Instances", "SecurityGroups", "Volumes", "InstanceImageMetadata", "Tags" or "Vpcs", as the AWS CLI prints them, or be one instance';

/** The first problems of documents are enough: the others are probably of the same kind. */
const MAX_PROBLEMS = 10;

/**
 * Merges documents as the AWS CLI prints them: any of `Reservations`, `Instances`, `SecurityGroups`, `Volumes`,
 * `InstanceImageMetadata`, `Tags` and `Vpcs` at the top level, one instance, or a list of these. Of two documents about the same
 * thing, the later one counts. Returns the first problems of documents that have another shape.
 */
export function readDocuments(
  documents: Iterable<NamedDocument>,
): { readonly documents: Documents } | { readonly problems: readonly string[] } {
  const instances = new Map<string, DocumentedInstance>();
  const tags = new Map<string, Map<string, string>>();
  const groups = new Map<string, SecurityGroup>();
  const images = new Map<string, Image>();
  const volumes = { byId: new Map<string, Volume>(), attached: new Map<string, string[]>() };
  const vpcs = new Map<string, boolean>();
  const keys = new Set<string>();
  const problems: string[] = [];
  const report = (problem: string): undefined => {
    if (problems.length < MAX_PROBLEMS) problems.push(problem);
  };

  /** Adds an item of a list, by the key of the list. `owner` is the account of a reservation. */
  const add: Readonly<Record<Key, (item: unknown, at: string, owner: unknown) => void>> = {
    Reservations(item, at) {
      if (isObject(item)) addList("Instances", item.Instances ?? [], `${at}.Instances`, item.OwnerId);
      else report(`${at} must be an object`);
    },
    Instances(item, at, owner) {
      const read = readDocumented(item, at, owner, report);
      if (read) instances.set(read.instance.instanceId, read);
    },
    SecurityGroups(item, at) {
      const from = SECURITY_GROUP(item, at, report);
      const group = from && readSecurityGroup(from);
      if (group) groups.set(group.groupId, group);
      else if (from) report(`${at} has no GroupId`);
    },
    Volumes(item, at) {
      const from = VOLUME(item, at, report);
      const volume = from && readVolume(from);
      if (volume) volumes.byId.set(volume.volumeId, volume);
      else if (from) report(`${at} has no VolumeId`);
      for (const { InstanceId = "" } of (volume && from?.Attachments) ?? []) {
        append(volumes.attached, InstanceId, volume?.volumeId ?? "");
      }
    },
    InstanceImageMetadata(item, at) {
      const from = IMAGE(item, at, report);
      const image = from && readImage(from);
      if (image && from.InstanceId) images.set(from.InstanceId, image);
      else if (from) report(`${at} has no InstanceId or no ImageMetadata.ImageId`);
    },
    Tags(item, at) {
      const { ResourceId = "", Key, Value = "" } = TAG(item, at, report) ?? {};
      const own = tags.get(ResourceId) ?? new Map<string, string>();
      tags.set(ResourceId, own);
      if (Key !== undefined) own.set(Key, Value);
    },
    Vpcs(item, at) {
      const { VpcId, IsDefault = false } = VPC(item, at, report) ?? {};
      if (VpcId !== undefined) vpcs.set(VpcId, IsDefault);
    },
  };

  const addList = (key: Key, list: unknown, at: string, owner: unknown): void => {
    keys.add(key);
    if (Array.isArray(list)) for (const [index, item] of list.entries()) add[key](item, `${at}[${index}]`, owner);
    else report(`${at} must be a list`);
  };

  const addDocument = (value: unknown, name: string, path: string): void => {
    const at = path === "" ? name : `${name}: ${path}`;
    if (Array.isArray(value)) {
      for (const [index, each] of value.entries()) addDocument(each, name, `${path}[${index}]`);
    } else if (!isObject(value)) report(`${at} ${SHAPE}`);
    else if (Object.hasOwn(value, "InstanceId") && !Object.hasOwn(value, "ImageMetadata")) {
      add.Instances(value, path === "" ? `${name}: instance` : at, undefined);
    } else {
      const own = KEYS.filter((key) => Object.hasOwn(value, key));
      if (own.length === 0) report(`${at} ${SHAPE}`);
      for (const key of own) addList(key, value[key], `${name}: ${path === "" ? "" : `${path}.`}${key}`, value.OwnerId);
    }
  };

  for (const { name, value } of documents) addDocument(value, name, "");
  for (const [id, own] of tags) {
    const tagged = instances.get(id);
    if (tagged?.instance.tags.size === 0) instances.set(id, { ...tagged, instance: { ...tagged.instance, tags: own } });
  }
  if (problems.length > 0) return { problems };
  return {
    documents: {
      instances,
      images,
      securityGroups: keys.has("SecurityGroups") ? groups : null,
      volumes: keys.has("Volumes") ? volumes : null,
      vpcs: keys.has("Vpcs") ? vpcs : null,
    },
  };
}

function append(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

function readDocumented(
  value: unknown,
  at: string,
  owner: unknown,
  report: (problem: string) => undefined,
): DocumentedInstance | undefined {
  const from = INSTANCE(value, at, report);
  if (from === undefined) return undefined;
  if (!from.InstanceId) return report(`${at} has no InstanceId`);
  const instance = readInstance(from.InstanceId, from);
  return {
    instance,
    account: accountOf(from, owner),
    // A Local Zone is us-west-2-lax-1a, and its region us-west-2.
    region: /^[a-z]+(?:-[a-z]+)+-\d{1,2}/.exec(instance.availabilityZone ?? "")?.[0] ?? null,
  };
}

/** Returns the account of an instance: the owner of its reservation, of its network interface, or of its instance profile. */
function accountOf({ NetworkInterfaces: [primary] = [], IamInstanceProfile }: Ec2Instance, owner: unknown) {
  if (typeof owner === "string") return owner;
  return primary?.OwnerId ?? IamInstanceProfile?.Arn?.split(":")[4] ?? null;
}

/**
 * Judges the instances of documents by all rules of a policy, those in `report` mode too. A fact that the documents do not contain
 * is not known: its rules are not judged, and say which document to add. `now` is in milliseconds since 1970.
 */
export function* judge(
  policy: Policy,
  documents: Documents,
  assumed: AssumedPlace,
  now: number,
): Generator<JudgedInstance> {
  for (const { instance, account, region } of documents.instances.values()) {
    if (isTerminated(instance)) {
      const because = `the instance is ${instance.state}`;
      const verdicts = policy.rules.map((rule): Verdict => ({ kind: "out-of-scope", rule, because, mayChange: false }));
      yield { instance, verdicts };
      continue;
    }
    const facts = {
      launchedBy: launcherOf(null, instance.tags),
      tags: instance.tags,
      instance,
      securityGroups: groupsOf(instance, documents),
      image: imageOf(instance, documents),
      volumes: volumesOf(instance, documents),
      defaultVpc: defaultVpcOf(instance, documents),
    };
    const place = { account: account ?? assumed.account, region: region ?? assumed.region };
    yield { instance, verdicts: evaluateAt(place, facts, policy, now) };
  }
}

/** Evaluates a policy. A rule that asks for an account or a region that is not known is not judged. */
function evaluateAt(
  { account, region }: AssumedPlace,
  facts: Omit<Facts, "account" | "region">,
  { rules, exemptions }: Policy,
  now: number,
): readonly Verdict[] {
  if (account !== null && region !== null) return evaluate({ ...facts, account, region }, { rules, exemptions }, now);
  return rules.flatMap((rule) => {
    const missing: string[] = [];
    const asking = (what: "account" | "region", value: string | null) => {
      if (value === null) missing.push(what);
      return value ?? "";
    };
    const asked: Facts = {
      ...facts,
      get account() {
        return asking("account", account);
      },
      get region() {
        return asking("region", region);
      },
    };
    const verdicts = evaluate(asked, { rules: [rule], exemptions }, now);
    const [what] = missing;
    if (what === undefined) return verdicts;
    const because = `the files do not contain the ${what} of the instance; add --${what}`;
    return [{ kind: "not-judged", rule, because, late: false }] satisfies Verdict[];
  });
}

/** Returns that a fact is not known, and the command that prints the document with it. */
function notIn(what: string, key: Key): Unknown {
  return { unknown: `the files do not contain ${what}; add the output of aws ec2 ${COMMANDS[key]}`, late: false };
}

function groupsOf({ groups }: Instance, { securityGroups }: Documents): Fact<readonly SecurityGroup[]> {
  if (securityGroups === null) return notIn("security groups", "SecurityGroups");
  const found: SecurityGroup[] = [];
  for (const { groupId } of groups) {
    const group = securityGroups.get(groupId);
    if (group === undefined) return notIn(groupId, "SecurityGroups");
    found.push(group);
  }
  return { value: found };
}

function imageOf({ instanceId }: Instance, { images }: Documents): Fact<Image> {
  const image = images.get(instanceId);
  return image ? { value: image } : notIn("the image of the instance", "InstanceImageMetadata");
}

function volumesOf({ instanceId, volumeIds }: Instance, { volumes }: Documents): Fact<readonly Volume[]> {
  if (volumes === null) return notIn("volumes", "Volumes");
  const found: Volume[] = [];
  for (const id of new Set([...(volumes.attached.get(instanceId) ?? []), ...volumeIds])) {
    const volume = volumes.byId.get(id);
    if (volume === undefined) return notIn(id, "Volumes");
    found.push(volume);
  }
  return { value: found };
}

/** Returns the default VPC as far as it decides whether the instance is in it: regions are not in the output of describe-vpcs. */
function defaultVpcOf({ vpcId }: Instance, { vpcs }: Documents): Fact<string | null> {
  if (vpcId === null) return { value: null };
  const isDefault = vpcs?.get(vpcId);
  if (isDefault === undefined) return notIn(vpcs === null ? "VPCs" : vpcId, "Vpcs");
  return { value: isDefault ? vpcId : null };
}
