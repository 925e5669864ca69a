import { type BundledPackage, byNameAndVersion } from "./packages.ts";

const RULE = "=".repeat(80);

/**
 * The licences of the packages in the deployed file, one after the other: each one's name, version, SPDX id, author, and
 * the texts that come with it. Sorted, whatever order they are given in.
 */
export function licencesText(packages: readonly BundledPackage[]): string {
  const sections = [...packages].sort(byNameAndVersion).map(({ name, version, licence, author, texts }) => {
    const by = author === null ? "" : `Author: ${author}\n`;
    const text = texts.length > 0 ? texts.join("\n\n") : "The package comes without a licence text of its own.";
    return `${RULE}\n${name} ${version}\nLicence: ${licence}\n${by}\n${text}\n`;
  });
  return `The packages whose code is in audit.js, and their licences.\n\n${sections.join("\n")}`;
}
