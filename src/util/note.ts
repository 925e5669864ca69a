/** In ascending order. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Writes one log line about anything but an outcome. Fields must hold no secret, signature, token or certificate. */
export type Note = (level: LogLevel, message: string, fields?: Readonly<Record<string, string>>) => void;
