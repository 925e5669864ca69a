/** An error response of AWS: the code and message of the API's reference, and their HTTP status. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;
  /** For services that moved from the query protocol to JSON: the code that clients knew before (header x-amzn-query-error). */
  readonly queryCode: string | undefined;

  constructor(code: string, message: string, status = 400, queryCode?: string) {
    super(message);
    this.name = "AwsError";
    this.code = code;
    this.status = status;
    this.queryCode = queryCode;
  }
}
