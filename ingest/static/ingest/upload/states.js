// The states of a file on the upload page, and what each of them means; after its upload, those of its run.

// The color and the label of a file's chip, until it is a run, which brings its own.
export const CHIPS = {
  checking: ["queued", "checking"],
  asks: ["held", "needs confirmation"],
  ready: ["queued", "waiting"],
  sending: ["running", "uploading"],
  finishing: ["running", "finalizing"],
  stopped: ["superseded", "stopped"],
  failed: ["failed", "not uploaded"],
  refused: ["failed", "refused"],
  out: ["superseded", "skipped"],
  sent: ["queued", "uploaded"],
};

// States that need someone.
export const NEEDS_ATTENTION = new Set(["failed", "refused", "held", "asks", "previewed", "partial"]);

// States in which nothing is sent any more, so that a file of the same name may be chosen again.
export const OVER = new Set(["refused", "out", "sent", "failed", "stopped"]);

// States in which a run does not change any more.
export const ENDS = new Set(["succeeded", "empty", "failed", "held", "discarded", "superseded"]);

// How files are counted above the list: a label, and the states that it covers.
export const WORDS = [
  ["loaded", "succeeded"],
  ["loaded with rejects", "partial"],
  ["empty", "empty"],
  ["previewed, not loaded", "previewed"],
  ["failed or refused", "failed", "refused"],
  ["held", "held"],
  ["discarded", "discarded"],
  ["waiting for confirmation", "asks"],
  ["skipped or stopped", "out", "stopped"],
  ["superseded by a newer version", "superseded"],
];

// States in which a file needs no more time; one that waits for confirmation does.
export const DONE = new Set(["out", "stopped", ...WORDS.flatMap(([, ...states]) => states)]);
DONE.delete("asks");
