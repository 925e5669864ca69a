/** Returns the result of a call; undefined when AWS responds that the resource does not exist. Throws its other errors. */
export async function ifExists<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof Error && MISSING.test(error.name) && error.message !== UNREAD) return undefined;
    throw error;
  }
}

/** The error names of SNS, EventBridge and SQS (in both of its protocols). */
const MISSING = /^(?:NotFound(?:Exception)?|ResourceNotFoundException|QueueDoesNotExist|.*NonExistentQueue)$/;

/** The SDK's message for a 404 without an AWS error in it, such as the page of another server. */
const UNREAD = "Unknown";
