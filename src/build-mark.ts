/** Which build of the code this is, for the health document: twelve hexadecimal digits, put in place of this by the build. */
export const BUILD = "dev";
