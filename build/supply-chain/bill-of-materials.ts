import { createHash } from "node:crypto";
import { Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import type { BundledPackage } from "./packages.ts";

/** The file that the bill describes. */
export interface Deployed {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** The packages that our sources import. */
  readonly imports: readonly BundledPackage[];
  /** The file's content. */
  readonly code: string;
}

/** A program that made the bill. */
export type Tool = Pick<BundledPackage, "name" | "version">;

/**
 * Returns the software bill of materials of the deployed file: CycloneDX 1.6 as JSON. It has no time, and its serial number comes
 * from its content, so the same sources give the same bytes. https://cyclonedx.org/docs/1.6/json/
 */
export function billOfMaterials(
  deployed: Deployed,
  packages: readonly BundledPackage[],
  tools: readonly Tool[],
): string {
  const components = new Map(packages.map((one) => [one, componentOf(one, one.licence)]));
  for (const [{ dependsOn }, { dependencies }] of components) {
    for (const one of dependsOn) addTo(dependencies, components.get(one));
  }
  const own = componentOf(deployed, deployed.licence, Enums.ComponentType.Application);
  own.hashes.set(Enums.HashAlgorithm["SHA-256"], sha256(deployed.code));
  for (const [{ name, version }, component] of components) {
    const isImported = deployed.imports.some((one) => one.name === name && one.version === version);
    if (isImported) addTo(own.dependencies, component);
  }
  const bom = new Models.Bom({
    metadata: new Models.Metadata({ component: own }),
    components: new Models.ComponentRepository(components.values()),
  });
  for (const tool of tools) bom.metadata.tools.components.add(componentOf(tool));
  bom.serialNumber = serialNumber(serialise(bom));
  return serialise(bom);
}

function componentOf({ name, version }: Tool, licence?: string, type = Enums.ComponentType.Library): Models.Component {
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  const [unscoped = "", group] = name.split("/").reverse();
  const component = new Models.Component(type, unscoped, { version, purl, bomRef: purl });
  if (group !== undefined) component.group = group;
  if (licence !== undefined) component.licenses.add(new Models.SpdxLicense(licence));
  return component;
}

function addTo(dependencies: Models.BomRefRepository, component: Models.Component | undefined): void {
  if (component !== undefined) dependencies.add(component.bomRef);
}

function serialise(bom: Models.Bom): string {
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

/** A UUID of version 8, whose bits can be chosen. https://www.rfc-editor.org/rfc/rfc9562#section-5.8 */
function serialNumber(content: string): string {
  const hex = sha256(content);
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(12, 15)}`,
    `8${hex.slice(15, 18)}`,
    hex.slice(18, 30),
  ];
  return `urn:uuid:${parts.join("-")}`;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
