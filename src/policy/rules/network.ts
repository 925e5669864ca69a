import type { Matcher } from "../matcher.ts";
import { prose } from "../remedies/commands.ts";
import { compliant, notJudged, ofInstance, ruleKind, type Violation, violates } from "../rule.ts";
import { flag, matchers, matchesAny, optional, orList, withDefault } from "../settings.ts";
import { verb } from "../words.ts";

/** `network`: an instance must be in an allowed VPC, subnet and Availability Zone. */
export const network = ruleKind({
  name: "network",
  what: "An instance must be in one of the allowed VPCs, subnets and Availability Zones, or at least not in the default VPC.",
  why: "The routes, network ACLs and logs of a VPC are part of its protection. The default VPC has only public subnets.",
  settles: "at-launch",
  fields: {
    vpcs: optional(matchers, { about: "The ids of the allowed VPCs.", demand: "the VPC must be {}" }),
    subnets: optional(matchers, { about: "The ids of the allowed subnets.", demand: "the subnet must be {}" }),
    zones: optional(matchers, {
      about: "The names of the allowed Availability Zones, such as `eu-west-1a`.",
      demand: "the Availability Zone must be {}",
    }),
    defaultVpc: withDefault(flag, true, {
      about: "Whether an instance may be in the region's default VPC.",
      demandIfFalse: "the VPC must not be the default VPC",
    }),
  },
  atLeastOne: ["vpcs", "subnets", "zones", "defaultVpc"],
  example: {
    rule: { rule: "network", subnets: ["subnet-0a1b2c3d", "subnet-4e5f6a7b"], defaultVpc: false },
    fails: ["the subnet is `subnet-8c9d0e1f`", "the VPC is the region's default VPC"],
    passes: ["the subnet is `subnet-0a1b2c3d`, in a VPC that is not the default VPC"],
  },

  configure({ vpcs, subnets, zones, defaultVpc: mayBeDefault }) {
    return {
      needs: mayBeDefault ? ["instance"] : ["instance", "defaultVpc"],
      check: ofInstance(({ vpcId, subnetId, availabilityZone }, { defaultVpc }) => {
        const places: readonly Place[] = [
          { key: "vpc", noun: "VPC", id: vpcId, allowed: vpcs },
          { key: "subnet", noun: "subnet", id: subnetId, allowed: subnets },
          { key: "zone", noun: "Availability Zone", id: availabilityZone, allowed: zones },
        ];
        const wrong = places.flatMap(({ id, allowed, ...place }) =>
          id === null || allowed === undefined || matchesAny(allowed, id) ? [] : [{ ...place, id }],
        );
        const isInDefault = !mayBeDefault && vpcId !== null && "value" in defaultVpc && defaultVpc.value === vpcId;
        if (isInDefault || wrong.length > 0) return violates(violationOf(wrong, isInDefault ? vpcId : null));
        const judged = places.filter(({ key, allowed }) => allowed !== undefined || (key === "vpc" && !mayBeDefault));
        const hidden = judged.find(({ id }) => id === null);
        if (hidden !== undefined) return notJudged(`EC2 does not show its ${hidden.noun}`, true);
        if (!mayBeDefault && "unknown" in defaultVpc) return notJudged(defaultVpc.unknown, defaultVpc.late);
        const facts = judged.map(({ key, noun, id }) => {
          const note = key === "vpc" && !mayBeDefault ? " (not the default VPC)" : "";
          return `its ${noun} is ${id}${note}`;
        });
        return compliant(facts.length === 0 ? "the default VPC is allowed" : orList(facts, "and"));
      }),
    };
  },
});

/** Where an instance is; null if EC2 does not show it. */
interface Place {
  readonly key: "vpc" | "subnet" | "zone";
  readonly noun: string;
  readonly id: string | null;
  readonly allowed: readonly Matcher[] | undefined;
}

/** Takes the places that are not allowed, and the id of the default VPC if the instance must not be in it but is. */
function violationOf(
  wrong: readonly (Pick<Place, "key" | "noun"> & { readonly id: string })[],
  defaultVpc: string | null,
): Violation {
  const place = defaultVpc === null ? `a wrong ${wrong[0]?.noun}` : "the default VPC";
  const target = wrong[0] === undefined ? "a VPC other than the default one" : `an allowed ${wrong[0].noun}`;
  return {
    message: [
      ...wrong.map(({ noun, id }) => `the ${noun} ${id} is not allowed`),
      ...(defaultVpc === null ? [] : [`the VPC ${defaultVpc} is the default VPC`]),
    ].join("; "),
    summary: (instances) => `${verb(instances, "is", "are")} in ${place}`,
    action: (affected) => `Launch ${affected} again in ${target}`,
    remedy: () =>
      prose(
        `An instance cannot be moved to another subnet. Launch a new instance in ${target}, then terminate the old one.`,
      ),
    details: {
      ...Object.fromEntries(wrong.map(({ key, id }) => [key, [id]])),
      ...(defaultVpc !== null && { defaultVpc: [defaultVpc] }),
    },
  };
}
