/** What a call gives; undefined when AWS says that there is no such thing. */
export async function ifExists<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof Error && MISSING.test(error.name) && error.message !== UNREAD) return undefined;
    throw error;
  }
}

/** SNS, EventBridge and SQS, the last by either of its protocols. */
const MISSING = /^(?:NotFound(?:Exception)?|ResourceNotFoundException|QueueDoesNotExist|.*NonExistentQueue)$/;

/** The SDK's message for a 404 that it finds no error of AWS in: a page of some other server. */
const UNREAD = "Unknown";
