/** The build, for the health document. The build script replaces it with twelve hexadecimal digits. */
export const BUILD = "dev";
