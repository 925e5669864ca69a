import { type BundledPackage, byNameAndVersion } from "./packages.ts";

const RULE = "=".repeat(80);

/** Returns the licences of the packages, sorted by name and version: each with its SPDX id, author and licence texts. */
export function licencesText(packages: readonly BundledPackage[]): string {
  const sections = [...packages].sort(byNameAndVersion).map(({ name, version, licence, author, texts }) => {
    const by = author === null ? "" : `Author: ${author}\n`;
    const text = texts.length > 0 ? texts.join("\n\n") : "The package has no licence text.";
    return `${RULE}\n${name} ${version}\nLicence: ${licence}\n${by}\n${text}\n`;
  });
  return `The packages whose code is in audit.js, and their licences.\n\n${sections.join("\n")}`;
}
