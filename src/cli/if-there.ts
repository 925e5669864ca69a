/** What a call gives; undefined when AWS says that there is no such thing. */
export async function ifThere<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof Error && MISSING.test(error.name)) return undefined;
    throw error;
  }
}

/** SNS, EventBridge and SQS, the last by either of its protocols. */
const MISSING = /^(?:NotFound(?:Exception)?|ResourceNotFoundException|QueueDoesNotExist|.*NonExistentQueue)$/;
