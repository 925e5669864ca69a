/** Which build this is, for the health document. The build replaces it by twelve hexadecimal digits. */
export const BUILD = "dev";
