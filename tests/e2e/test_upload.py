"""Files go from the browser to the bucket, and each becomes a run before one's eyes."""

from pathlib import Path

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, Request, Route, expect

from ingest.models import Dataset, Run, Upload
from tests.app.conftest import rows
from tests.e2e.conftest import NARROW, Site

PEOPLE = "id,name\n1,Ann\n2,Bob\n"
PART = 8 << 20
ADDRESS = "/admin/ingest/upload/"


def choose(page: Page, *files: tuple[str, str]) -> None:
    """Choose files of these contents."""
    page.locator("#files-input").set_input_files(
        [{"name": name, "mimeType": "text/csv", "buffer": content.encode()} for name, content in files]
    )


def row(page: Page, name: str) -> Locator:
    """The row of a file."""
    return page.locator("#file-list .file", has=page.locator(".file-name", has_text=name))


def status(page: Page, name: str, word: str) -> None:
    """Wait until the row of a file says ``word``."""
    expect(row(page, name).locator(".status")).to_have_text(word)


def big_file(folder: Path, parts: int) -> Path:
    """A CSV file of so many parts, all but the last of 8 MiB."""
    line = b"%08d," + b"x" * 1014 + b"\n"
    path = folder / "big.csv"
    with path.open("wb") as file:
        file.write(b"id,text\n")
        for number in range((PART * (parts - 1) + PART // 2) // 1024):
            file.write(line % number)
    return path


class Parts:
    """The parts that a page sends to the bucket, by number; the test may keep some of them back."""

    def __init__(self, page: Page) -> None:
        self.numbers: list[int] = []
        self.held_back: set[int] = set()
        self._waiting: list[Route] = []
        page.route("**/*partNumber=*", self._route)

    def _route(self, route: Route, request: Request) -> None:
        number = int(request.url.partition("partNumber=")[2].partition("&")[0])
        if request.method == "PUT" and number in self.held_back:
            self._waiting.append(route)  # neither answered nor sent: as a line that has died
            return
        if request.method == "PUT":
            self.numbers.append(number)
        route.continue_()

    def drop(self) -> None:
        """Break what is kept back: a browser that is closed would send it at last."""
        for route in self._waiting:
            route.abort()


def test_files_become_tables_while_one_looks(site: Site) -> None:
    page = site.open(ADDRESS)
    choose(page, ("people.csv", PEOPLE), ("orders.csv", "id,total\n1,2.50\n"), ("empty.csv", ""))
    status(page, "people.csv", "succeeded")
    status(page, "orders.csv", "succeeded")
    expect(row(page, "people.csv")).to_contain_text("2 records: 2 inserted")
    expect(row(page, "empty.csv")).to_contain_text("The file is empty")
    expect(page.locator("#upload-summary")).to_have_text("3 of 3 files done: 2 loaded, 1 failed or refused.")
    page.get_by_label("Show only files that need attention (1)").check()
    expect(page.locator("#file-list .file:visible")).to_have_count(1)
    expect(row(page, "empty.csv")).to_be_visible()
    page.get_by_label("Show only files that need attention (1)").uncheck()
    expect(page.locator("#file-list .file:visible")).to_have_count(3)
    site.check(page)
    assert sorted(Run.objects.values_list("key", "records")) == [("data/orders.csv", 1), ("data/people.csv", 2)]
    (user,) = User.objects.all()
    assert {*Run.objects.values_list("who", flat=True), *Upload.objects.values_list("who", flat=True)} == {
        user.username
    }
    assert LogEntry.objects.filter(user=user, change_message__contains="Uploaded").count() == 2


def test_a_file_goes_on_after_a_reload_and_with_who_takes_it_over(site: Site, tmp_path: Path) -> None:
    big = big_file(tmp_path, parts=5)
    first, second = User.objects.create_superuser("ann"), User.objects.create_superuser("bob")
    page = site.open(ADDRESS, user=first)
    parts = Parts(page)
    parts.held_back = {3, 4, 5}
    page.locator("#files-input").set_input_files(big)
    expect(row(page, "big.csv")).to_contain_text("16.0 MiB of 36.0 MiB")
    assert sorted(parts.numbers) == [1, 2]
    page.reload()
    expect(page.locator("table")).to_contain_text("big.csv")
    site.check(page)
    parts.held_back = {4, 5}
    page.locator("#files-input").set_input_files(big)
    expect(row(page, "big.csv")).to_contain_text("24.0 MiB of 36.0 MiB")
    assert sorted(parts.numbers) == [1, 2, 3]
    parts.drop()
    page.close()

    other = site.open(ADDRESS, user=second)
    parts = Parts(other)
    other.locator("#files-input").set_input_files(big)
    status(other, "big.csv", "not uploaded")
    expect(row(other, "big.csv")).to_contain_text("ann already started to upload this file.")
    other.reload()
    site.check(other)
    other.get_by_role("button", name="Take over upload: big.csv, started by ann").click()
    expect(other.get_by_text("You took over the upload of big.csv.")).to_be_visible()
    other.wait_for_load_state()  # or the page's script isn't there yet to see what is chosen
    other.locator("#files-input").set_input_files(big)
    status(other, "big.csv", "succeeded")
    assert sorted(parts.numbers) == [4, 5]
    assert rows("SELECT count(*), max(id) FROM big") == [((36 << 20) // 1024, "00036863")]
    assert [upload.who for upload in Upload.objects.all()] == ["bob"]
    assert Run.objects.get().who == "bob"
    site.forgive("ERR_FAILED")


def test_a_lost_network_is_waited_for(site: Site, tmp_path: Path) -> None:
    page = site.open(ADDRESS)
    parts = Parts(page)
    parts.held_back = {2, 3}
    page.locator("#files-input").set_input_files(big_file(tmp_path, parts=3))
    expect(row(page, "big.csv")).to_contain_text("8.0 MiB of 20.0 MiB")
    page.context.set_offline(True)
    page.evaluate("dispatchEvent(new Event('offline'))")
    expect(page.locator("#upload-progress")).to_contain_text("Waiting for the network")
    page.unroute_all(behavior="ignoreErrors")
    page.context.set_offline(False)
    status(page, "big.csv", "succeeded")
    site.complaints = [said for said in site.complaints if "INTERNET_DISCONNECTED" not in said]


def test_a_bucket_that_refuses_says_why_and_the_file_goes_on_when_it_may(site: Site) -> None:
    page = site.open(ADDRESS)
    cors = {
        "CORSRules": [{"AllowedMethods": ["PUT"], "AllowedOrigins": ["https://elsewhere.example"]}],
    }
    s3, bucket = site.door.aws.client("s3"), site.door.aws.bucket
    before = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=cors)
    choose(page, ("people.csv", PEOPLE))
    expect(row(page, "people.csv")).to_contain_text(f"CORS rule doesn't allow {site.address}")
    status(page, "people.csv", "not uploaded")

    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": before})
    upload = Upload.objects.get()
    s3.abort_multipart_upload(Bucket=bucket, Key=upload.key, UploadId=upload.upload_id)
    row(page, "people.csv").get_by_role("button", name="Resume").click()
    status(page, "people.csv", "succeeded")
    site.forgive("CORS policy")
    site.forgive("ERR_FAILED")


def test_what_an_answer_of_s3_means_is_known_by_its_code_and_its_status(site: Site) -> None:
    page = site.open(ADDRESS)
    answers = {
        "signature": ["400 ExpiredToken", "400 TokenRefreshRequired", "400 InvalidToken", "403 RequestTimeTooSkewed"],
        "denied": ["403 AccessDenied", "403 SignatureDoesNotMatch", "403 InvalidAccessKeyId", "401 401"],
        "busy": [
            *("503 SlowDown", "500 500", "429 429", "409 OperationAborted", "408 408", "400 RequestTimeout"),
            *("400 IncompleteBody", "400 BadDigest", "400 KMS.ThrottlingException", "400 XAmzContentSHA256Mismatch"),
        ],
        "gone": ["404 NoSuchUpload", "404 404"],
        "refused": ["400 InvalidArgument", "400 EntityTooLarge", "400 KMS.DisabledException", "412 PreconditionFailed"],
        "": ["0 0"],
    }
    asked = [(int(status), code) for told in answers.values() for status, code in (each.split() for each in told)]
    script = "async asked => { const {meaning} = await import('/static/ingest/upload/answers.js'); "
    script += "return asked.map(([status, code]) => meaning(status, code)) }"
    assert page.evaluate(script, asked) == [means for means, told in answers.items() for _ in told]


def test_a_long_upload_outlives_the_token_that_signed_its_links(site: Site, tmp_path: Path) -> None:
    page = site.open(ADDRESS)
    refused: list[str] = []

    def expire(route: Route, request: Request) -> None:
        """Refuse the links of the first signing, as S3 does once the role's token has expired."""
        url = request.url
        if request.method == "PUT" and len(refused) < 3 and url not in refused:
            refused.append(url)
            body = "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
            headers = {"Access-Control-Allow-Origin": site.address, "Content-Type": "application/xml"}
            route.fulfill(status=400, headers=headers, body=body)
        else:
            route.continue_()

    page.route("**/*partNumber=*", expire)
    page.locator("#files-input").set_input_files(big_file(tmp_path, parts=3))
    status(page, "big.csv", "succeeded")
    assert len(refused) == 3
    site.forgive("400 (Bad Request)")


def test_what_should_be_decided_is_asked_before_anything_is_sent(site: Site) -> None:
    site.door.load("people.csv", PEOPLE)
    page = site.open(ADDRESS)
    choose(page, ("people.csv", "name,phone\nAnn,1\n"), ("orders-2024-01-05.csv", "id,total\n1,2\n"))
    expect(row(page, "people.csv")).to_contain_text("It lacks the key of its dataset (id)")
    expect(row(page, "people.csv")).to_contain_text("New: phone. Not in this file: id.")
    expect(row(page, "orders")).to_contain_text("the pattern orders-*.csv")
    site.check(page)
    assert not Upload.objects.exists()
    row(page, "people.csv").get_by_role("button", name="Skip").click()
    status(page, "people.csv", "skipped")
    row(page, "orders").get_by_role("button", name="Upload").click()
    status(page, "orders", "succeeded")
    assert Dataset.objects.filter(name="orders_2024_01_05").exists()


def test_a_folder_keeps_its_paths_and_many_small_files_are_no_trouble(site: Site, tmp_path: Path) -> None:
    Dataset.objects.create(name="sales", patterns=["shops/*.csv"])
    for number in range(60):
        shop = tmp_path / "shops" / f"shop {number % 3}"
        shop.mkdir(parents=True, exist_ok=True)
        (shop / f"{number}.csv").write_text(f"id,total\n{number},1\n")
    (tmp_path / "shops" / ".DS_Store").write_bytes(b"\0\1")
    page = site.open(ADDRESS, size=NARROW)
    page.locator("#folder-input").set_input_files(tmp_path / "shops")
    expect(page.locator("#upload-progress")).to_contain_text("60 of 60 files uploaded")
    expect(page.locator("#upload-notes")).to_have_text("1 hidden file skipped.")
    expect(page.locator(".status-succeeded")).to_have_count(60)
    assert rows("SELECT count(*) FROM sales") == [(60,)]
    assert Run.objects.filter(key="data/shops/shop 1/1.csv").exists()


def test_files_are_dropped_anywhere_on_the_page(site: Site) -> None:
    page = site.open(ADDRESS)
    transfer = page.evaluate_handle(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File(["id,name\\n1,Ann\\n"], "people.csv"));
            return transfer;
        }"""
    )
    page.dispatch_event("#footer", "dragenter", {"dataTransfer": transfer})
    expect(page.locator("#drop-overlay")).to_be_visible()
    page.dispatch_event("#footer", "drop", {"dataTransfer": transfer})
    expect(page.locator("#drop-overlay")).to_be_hidden()
    status(page, "people.csv", "succeeded")


def test_a_preview_is_loaded_or_discarded_by_the_keyboard_alone(site: Site) -> None:
    page = site.open(ADDRESS)
    page.on("filechooser", lambda _: None)  # Playwright begins to listen some time after it is asked to
    page.get_by_label("Preview first").focus()
    page.keyboard.press("Space")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("u")
    for name in ("people.csv", "orders.csv"):
        chooser.value.set_files([{"name": name, "mimeType": "text/csv", "buffer": PEOPLE.encode()}])
    for name in ("people.csv", "orders.csv"):
        status(page, name, "previewed")
    expect(row(page, "people.csv")).to_contain_text("2 records: 2 would be inserted")
    assert rows("SELECT to_regclass('datasets.people')") == [(None,)]
    row(page, "people.csv").get_by_role("button", name="Load: people.csv").focus()
    page.keyboard.press("Enter")
    status(page, "people.csv", "succeeded")
    row(page, "orders.csv").get_by_role("button", name="Discard").focus()
    page.keyboard.press("Enter")
    expect(row(page, "orders.csv")).to_contain_text("Discarded by")
    site.check(page)
    assert rows("SELECT count(*) FROM people") == [(2,)]
    assert rows("SELECT to_regclass('datasets.orders')") == [(None,)]
    assert Run.objects.get(kind="load").who == User.objects.get().username
