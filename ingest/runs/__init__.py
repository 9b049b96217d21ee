"""The use cases: the only room in which models, aws and the loader meet."""

from ingest.runs.accounts import reset_password
from ingest.runs.answering import acknowledge
from ingest.runs.by_hand import TYPES, Undoable, change_key, change_type, columns_of, ignore_email_case, undoable
from ingest.runs.choosing import choices
from ingest.runs.claiming import Claim, claim
from ingest.runs.delivering import deliver, page_of, title_of
from ingest.runs.drawing import RECENT_DAYS, Drawn, check_pattern, drawn
from ingest.runs.examining import examine, examine_wiring, probe
from ingest.runs.executing import execute, take, take_in
from ingest.runs.expiring import expire
from ingest.runs.explaining import Explained, Part, explain
from ingest.runs.following import runs_of
from ingest.runs.holding import CountsChanged, approve, discard, held_by, is_dangerous, seen
from ingest.runs.judging import HEAD, Chosen, Judgement, judge
from ingest.runs.logins import Attempt, begin_login, begin_password_change, end_login, expect_login
from ingest.runs.looking import changes_of, file_link, foretell_undo
from ingest.runs.measuring import Measure, measure
from ingest.runs.overlooking import MOST_A_DAY, Day, Load, days_of, dead_letters, last_loads
from ingest.runs.permission import AT_THE_COMMAND_LINE
from ingest.runs.pinning import pin, refuse_impossible
from ingest.runs.previewing import discard_preview, load_previewed
from ingest.runs.questions import in_front_of, read_again
from ingest.runs.receiving import put, receive
from ingest.runs.reconciling import SETTLED, Reconciled, reconcile, reconcile_when_due
from ingest.runs.reject_csv import reject_file, reject_link, reject_object
from ingest.runs.retrying import due, load_again, retry
from ingest.runs.scratch import sweep
from ingest.runs.signals import REQUEST
from ingest.runs.tracing import trace
from ingest.runs.troubles import look
from ingest.runs.undoing import undo
from ingest.runs.unfinished import Unfinished, unfinished_uploads
from ingest.runs.upload_keys import path_of
from ingest.runs.upload_owner import take_over_upload
from ingest.runs.uploading import (
    MOST_FILES,
    Sending,
    finish_uploads,
    give_up_upload,
    sign_parts,
    start_uploads,
)

__all__ = [
    "AT_THE_COMMAND_LINE",
    "HEAD",
    "MOST_A_DAY",
    "MOST_FILES",
    "RECENT_DAYS",
    "REQUEST",
    "SETTLED",
    "TYPES",
    "Attempt",
    "Chosen",
    "Claim",
    "CountsChanged",
    "Day",
    "Drawn",
    "Explained",
    "Judgement",
    "Load",
    "Measure",
    "Part",
    "Reconciled",
    "Sending",
    "Undoable",
    "Unfinished",
    "acknowledge",
    "approve",
    "begin_login",
    "begin_password_change",
    "change_key",
    "change_type",
    "changes_of",
    "check_pattern",
    "choices",
    "claim",
    "columns_of",
    "days_of",
    "dead_letters",
    "deliver",
    "discard",
    "discard_preview",
    "drawn",
    "due",
    "end_login",
    "examine",
    "examine_wiring",
    "execute",
    "expect_login",
    "expire",
    "explain",
    "file_link",
    "finish_uploads",
    "foretell_undo",
    "give_up_upload",
    "held_by",
    "ignore_email_case",
    "in_front_of",
    "is_dangerous",
    "judge",
    "last_loads",
    "load_again",
    "load_previewed",
    "look",
    "measure",
    "page_of",
    "path_of",
    "pin",
    "probe",
    "put",
    "read_again",
    "receive",
    "reconcile",
    "reconcile_when_due",
    "refuse_impossible",
    "reject_file",
    "reject_link",
    "reject_object",
    "reset_password",
    "retry",
    "runs_of",
    "seen",
    "sign_parts",
    "start_uploads",
    "sweep",
    "take",
    "take_in",
    "take_over_upload",
    "title_of",
    "trace",
    "undo",
    "undoable",
    "unfinished_uploads",
]
