/** An error that the operator can fix: the problem, and the fix as a hint. It never contains a secret. */
export class CliError extends Error {
  /** One or several lines. */
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = "CliError";
    this.hint = hint;
  }
}
