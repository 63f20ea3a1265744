"""`advisory import`: folders, archives and files in batches; `advisory imports` and `advisory quarantine`."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from services.cli.advisory_files import LARGEST, MOST_BYTES, Batch, batches, files_in
from services.cli.commands.advisory_imports import standing_line
from services.cli.exits import Exit
from services.cli.main import app
from services.cli.output import out
from shared.errors import NotFound
from tests.support.small_gateway import SmallGateway, small_gateway

IMPORT_ID = "imp-" + "0" * 24
PLACE = f"/advisories/imports/{IMPORT_ID}"
NONE = {"added": 0, "updated": 0, "unchanged": 0, "withdrawn": 0, "malformed": 0}


@pytest.fixture(autouse=True)
def _for_people() -> Iterator[None]:
    yield
    out.as_json = False


def a_record(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "modified": "2026-01-01T00:00:00Z", **more}


def write(folder: Path, *records: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for one in records:
        (folder / f"{one['id']}.json").write_text(json.dumps(one))


def gathered(*paths: Path) -> list[Batch]:
    return list(batches(files_in(paths), lambda _: None))


def ids(found: list[Batch]) -> list[str]:
    return [record["id"] for batch in found for record in batch.records]


def test_folders_archives_and_files_are_read_alike(tmp_path: Path) -> None:
    write(tmp_path / "deep" / "er", a_record("A"), a_record("B"))
    (tmp_path / "deep" / "PyPI").mkdir()
    with zipfile.ZipFile(tmp_path / "deep" / "PyPI" / "all.zip", "w") as archive:
        archive.writestr("C.json", json.dumps(a_record("C")))
        archive.writestr("../D.json", json.dumps(a_record("D")))
    (tmp_path / "deep" / "notes.txt").write_text("no record")
    (tmp_path / "deep" / "loop.json").symlink_to(tmp_path / "deep" / "er" / "A.json")
    found = gathered(tmp_path / "deep")
    assert sorted(ids(found)) == ["A", "B", "C"]
    assert [one["place"] for batch in found for one in batch.problems] == ["all.zip!../D.json"]
    assert ids(gathered(tmp_path / "deep" / "er" / "A.json", tmp_path / "deep" / "PyPI" / "all.zip")) == ["A", "C"]


def test_batches_fit_a_message_and_a_large_record_goes_without_its_texts(tmp_path: Path) -> None:
    long = a_record("LONG", details="x" * (LARGEST + 1), summary="kept")
    whole = a_record("WHOLE", affected=[{"versions": [f"1.{number}" for number in range(60_000)]}])
    write(tmp_path, *(a_record(f"A{number}", details="y" * 50_000) for number in range(7)), long, whole)
    found = gathered(tmp_path)
    assert all(len(json.dumps(batch.records)) <= max(MOST_BYTES, LARGEST) + 1000 for batch in found)
    sent = {record["id"]: record for batch in found for record in batch.records}
    assert sorted(sent) == [*(f"A{number}" for number in range(7)), "LONG"]
    assert sent["LONG"] == a_record("LONG", summary="kept")
    (problem,) = [one for batch in found for one in batch.problems]
    assert problem["place"] == "WHOLE.json"
    assert "bytes without its texts" in problem["problem"]


def test_a_damaged_archive_is_one_problem_and_keeps_nothing_else_out(tmp_path: Path) -> None:
    write(tmp_path, a_record("Z"))
    (tmp_path / "all.zip").write_bytes(b"PK\x03\x04 and no more")
    found = gathered(tmp_path)
    assert ids(found) == ["Z"]
    assert [one["place"] for batch in found for one in batch.problems] == ["all.zip"]


class Monitoring:
    """What the gateway would answer: everything is new, and what has the id BAD is malformed."""

    def __init__(self) -> None:
        self.finished: dict[str, Any] = {}
        self.taken: list[str] = []

    def take(self, sent: dict[str, Any]) -> dict[str, Any]:
        assert sent["import_id"] == IMPORT_ID
        names = [record["id"] for record in sent["advisories"]]
        self.taken += names
        refused = [{"id": "BAD", "where": "modified", "problem": "[red]no time[/]"}] if "BAD" in names else []
        return {
            **NONE,
            "added": len(names) - len(refused),
            "withdrawn": 0,
            "refused": refused,
            "releases_touched": 1,
        }

    def finish(self, sent: dict[str, Any]) -> dict[str, Any]:
        self.finished = sent
        state = "partial" if sent.get("because") or "BAD" in self.taken else "complete"
        because = sent.get("because") or ("1 of 3 records could not be read." if state == "partial" else "")
        return {"imported": {"source": "osv", "state": state, "because": because}}

    @property
    def answers(self) -> dict[str, Any]:
        return {
            "POST /advisories/imports": {"import_id": IMPORT_ID},
            "POST /advisories": self.take,
            f"POST {PLACE}/quarantine": {"quarantined": 1},
            f"POST {PLACE}/finish": self.finish,
        }


def ask(gateway: SmallGateway, *arguments: object) -> Result:
    return CliRunner(env=gateway.environment).invoke(app, [str(one) for one in arguments])


def test_an_import_is_begun_and_finished_with_the_number_of_records(tmp_path: Path) -> None:
    write(tmp_path / "PyPI", *(a_record(f"A{number}") for number in range(450)))
    monitoring = Monitoring()
    with small_gateway(monitoring.answers) as gateway:
        told = ask(gateway, "--json", "advisory", "import", tmp_path / "PyPI")
    assert told.exit_code == Exit.DONE
    assert sorted(monitoring.taken) == sorted(f"A{number}" for number in range(450))
    assert monitoring.finished == {"records": 450}
    assert gateway.sent["POST /advisories/imports"] == {"source": "PyPI"}
    answer = json.loads(told.stdout)
    assert (answer["added"], answer["malformed"], answer["import"]["state"]) == (450, 0, "complete")


def test_malformed_records_are_shown_and_make_it_partial(tmp_path: Path) -> None:
    write(tmp_path, a_record("A"), a_record("BAD"))
    (tmp_path / "cut.json").write_text('{"id": ')
    monitoring = Monitoring()
    with small_gateway(monitoring.answers) as gateway:
        told = ask(gateway, "advisory", "import", tmp_path, "--source", "osv")
    assert told.exit_code == Exit.DENIED
    assert "1 added, 0 updated, 0 unchanged, 0 withdrawn, 2 malformed" in told.stdout
    assert "[red]no time[/]" in told.stdout
    assert "cut.json" in told.stdout
    assert monitoring.finished == {"records": 3}


def test_what_interrupts_an_import_makes_it_partial(tmp_path: Path) -> None:
    write(tmp_path, a_record("A"))
    monitoring = Monitoring()
    answers = {name: one for name, one in monitoring.answers.items() if name != "POST /advisories"}
    with small_gateway(answers) as gateway:
        told = ask(gateway, "advisory", "import", tmp_path)
    assert isinstance(told.exception, NotFound)
    assert monitoring.finished == {"records": 1, "because": "It was interrupted."}


def test_imports_and_quarantine_are_listed() -> None:
    one = {
        "import_id": IMPORT_ID,
        "source": "osv",
        "begun": "2026-06-01T12:00:00Z",
        "state": "partial",
        "counts": NONE | {"added": 7},
        "because": "It was interrupted.",
    }
    source = {
        "source": "osv",
        "newest": "partial",
        "complete_as_of": None,
        "fetched": {"outcome": "failed", "at": "2026-06-01T12:00:00Z", "problem": "429", "next_at": "2026-06-02T00:00"},
    }
    standing = {"partial": True, "sources": [source], "source_count": 1, "complete_as_of": None}
    broken = {"id": "BAD", "source": "osv", "where": "modified", "problem": "no time", "excerpt": "{}"}
    answers = {
        "GET /advisories/imports": {"imports": [one], "standing": standing, "next": None},
        "GET /advisories/quarantine": {"records": [broken], "next": None},
    }
    with small_gateway(answers) as gateway:
        listed, kept = ask(gateway, "advisory", "imports"), ask(gateway, "advisory", "quarantine")
    assert (listed.exit_code, kept.exit_code) == (Exit.DENIED, Exit.DENIED)
    assert "It was interrupted." in listed.stdout
    assert "failed 2026-06-01T12:00:00: 429" in listed.stdout
    assert "flaws may be missing: osv" in listed.stdout
    assert "BAD" in kept.stdout


def test_what_was_never_imported_cannot_be_found() -> None:
    assert "cannot be found" in standing_line({"source_count": 0})
    sound = {"source": "osv", "newest": "complete"}
    line = standing_line({"source_count": 1, "complete_as_of": "2026-06-01T12:00:00Z", "sources": [sound]})
    assert line == "The newest complete import of advisories is of 2026-06-01T12:00:00."
