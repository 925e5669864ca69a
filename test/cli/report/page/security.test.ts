import { expect, it } from "vitest";
import { securityPolicy } from "../../../../src/cli/report/page/security.ts";

it("allows one script and one style sheet by their hashes, and nothing else", () => {
  expect(securityPolicy("", "alert(1)")).toBe(
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='; style-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'">`,
  );
});
