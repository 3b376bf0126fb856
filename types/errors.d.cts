// Errors.

/** The kinds of errors. docs/errors.md lists each with its cause and its remedy. */
export type ErrorCode =
  | "ISOL8_INVALID_OPTION"
  | "ISOL8_INVALID_REQUEST"
  | "ISOL8_REQUEST_LIMIT"
  | "ISOL8_INVALID_CONFIG"
  | "ISOL8_UNKNOWN_RUNTIME"
  | "ISOL8_REMOTE_CODE"
  | "ISOL8_AUDIT"
  | "ISOL8_DOCKER_UNREACHABLE"
  | "ISOL8_DOCKER"
  | "ISOL8_LOCAL_UNAVAILABLE"
  | "ISOL8_LOCAL"
  | "ISOL8_UNSUPPORTED"
  | "ISOL8_IMAGE_MISSING"
  | "ISOL8_IMAGE_REFUSED"
  | "ISOL8_IMAGE_BUILD"
  | "ISOL8_OCI_RUNTIME"
  | "ISOL8_SECCOMP_PROFILE"
  | "ISOL8_GUEST"
  | "ISOL8_SANDBOX_LOST"
  | "ISOL8_REFUSED"
  | "ISOL8_FILE_NOT_FOUND"
  | "ISOL8_FILE_DENIED"
  | "ISOL8_NOT_A_FILE"
  | "ISOL8_NO_SPACE"
  | "ISOL8_FILE_TOO_LARGE"
  | "ISOL8_FILE"
  | "ISOL8_FILES_TIMEOUT"
  | "ISOL8_INSTALL"
  | "ISOL8_SETUP"
  | "ISOL8_RUNTIME_SWITCH"
  | "ISOL8_NO_ACTIVE_CONTAINER"
  | "ISOL8_CANCELLED"
  | "ISOL8_STOPPED"
  | "ISOL8_UNAUTHORIZED"
  | "ISOL8_FORBIDDEN"
  | "ISOL8_NOT_FOUND"
  | "ISOL8_TOO_LARGE"
  | "ISOL8_TOO_MANY_REQUESTS"
  | "ISOL8_UNAVAILABLE"
  | "ISOL8_RESULT_LOST"
  | "ISOL8_SERVER"
  | "ISOL8_REMOTE"
  | "ISOL8_NATIVE_UNAVAILABLE"
  | "ISOL8_INTERNAL";

/** What every failed call gives. Its message says what happened and what to do. */
export declare class Isol8Error extends Error {
  constructor(message: string, options?: { code?: ErrorCode | undefined; cause?: unknown });
  readonly name: "Isol8Error" | "QueueFullError" | "QueueTimeoutError";
  /** The kind of error, the same in all versions. */
  readonly code: ErrorCode;
  /** The error behind this one, where there is one. */
  readonly cause?: unknown;
}
