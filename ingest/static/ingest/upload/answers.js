// Classify S3's response to a part. S3's list of error codes: "Error Responses" in its API reference.

// The link no longer works: the role's token that signed it has expired, or a clock or a key has changed.
const SIGNATURE = new Set(["ExpiredToken", "InvalidToken", "TokenRefreshRequired", "RequestExpired", "RequestTimeTooSkewed"]);

// S3 or the connection was at fault, whatever the status says.
const PASSING = new Set(["RequestTimeout", "IncompleteBody", "BadDigest", "OperationAborted", "ConditionalRequestConflict"]);
const BUSY = /^(SlowDown|InternalError|ServiceUnavailable|RequestLimitExceeded|BandwidthLimitExceeded)$|Throttl|ChecksumMismatch|SHA256Mismatch/;

// "signature": try again with a new link, for as long as any fault. "denied": the same, but soon give up: it may be
// that the role isn't granted it. "busy": try again. "gone": S3 knows no such upload. "refused": never try again.
// "": no answer came.
export function meaning(status, code) {
  if (!status) return "";
  if (SIGNATURE.has(code)) return "signature";
  if (status === 401 || status === 403) return "denied";
  if (code === "NoSuchUpload" || status === 404) return "gone";
  if (status >= 500 || [408, 409, 425, 429].includes(status) || PASSING.has(code) || BUSY.test(code)) return "busy";
  return "refused";
}
