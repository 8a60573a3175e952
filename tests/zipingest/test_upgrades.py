"""Which migrations the released code can stand while it still runs, and which are refused."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.core.management import CommandError, call_command
from django.db import migrations, models
from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

from zipingest import upgrades
from zipingest.concurrently import AddIndexConcurrently, AddUniqueConcurrently

ADDS_ROWS = "adds rows without it"
WRITTEN_ANEW = "written anew"
WAITS = "writing waits"
STILL_USES = "still uses it"
OLD_NAME = "only the old name"
PROVEN = "AddUniqueConcurrently"
SAY_WHY = "safe_because"
AT_ONCE = "must meet it at once"

INDEX = models.Index(fields=["name"], name="call_name")
POSITIVE = models.CheckConstraint(condition=models.Q(size__gt=0), name="call_size_positive")
UNIQUE = models.UniqueConstraint(fields=["name"], condition=models.Q(size__gt=0), name="call_name_unique")


def field_added(field: Any) -> Operation:
    return migrations.AddField("call", "added", field)


def field_altered(name: str, field: Any) -> Operation:
    return migrations.AlterField("call", name, field)


def unique(*fields: str, **rule: Any) -> Operation:
    return AddUniqueConcurrently("call", models.UniqueConstraint(fields=fields, name="call_unique", **rule))


def apart(*operations: Operation, of_model: Sequence[Operation] = ()) -> Operation:
    return migrations.SeparateDatabaseAndState(database_operations=operations, state_operations=of_model)


def made(model: str, **fields: Any) -> Operation:
    return migrations.CreateModel(model, [("id", models.BigAutoField(primary_key=True)), *fields.items()])


def released() -> ProjectState:
    """What runs: a model Call with a name, a size, a note that may be empty, and its agent."""
    state = ProjectState()
    key = ("id", models.BigAutoField(primary_key=True))
    state.add_model(ModelState("app", "Agent", [key]))
    state.add_model(
        ModelState(
            "app",
            "Call",
            [
                key,
                ("name", models.CharField(max_length=10)),
                ("size", models.IntegerField()),
                ("note", models.TextField(null=True)),
                ("agent", models.ForeignKey("app.Agent", models.CASCADE)),
            ],
        )
    )
    return state


def refusals(*operations: Operation, **of_migration: Any) -> list[str]:
    migration: Any = Migration("0002_next", "app")
    migration.operations = list(operations)
    for name, value in of_migration.items():
        setattr(migration, name, value)
    return list(upgrades.refused(released(), [migration]))


BAD: dict[str, tuple[Callable[[], Operation], str]] = {
    "a column that must have a value": (lambda: field_added(models.TextField()), ADDS_ROWS),
    "one whose default only Django knows": (lambda: field_added(models.TextField(default="")), ADDS_ROWS),
    "a column with an index": (lambda: field_added(models.IntegerField(null=True, db_index=True)), WAITS),
    "a unique column": (lambda: field_added(models.IntegerField(null=True, unique=True)), WAITS),
    "a foreign key with its index": (
        lambda: field_added(models.ForeignKey("app.Agent", models.CASCADE, null=True, related_name="+")),
        WAITS,
    ),
    "a column that PostgreSQL computes": (
        lambda: field_added(
            models.GeneratedField(
                expression=models.F("size") + 1, output_field=models.IntegerField(), db_persist=True
            )
        ),
        WRITTEN_ANEW,
    ),
    "a column that may not be empty any more": (lambda: field_altered("note", models.TextField()), "NULL"),
    "another type": (lambda: field_altered("size", models.BigIntegerField()), WRITTEN_ANEW),
    "a shorter text": (lambda: field_altered("name", models.CharField(max_length=9)), WRITTEN_ANEW),
    "another column name": (
        lambda: field_altered("size", models.IntegerField(db_column="bytes")),
        OLD_NAME,
    ),
    "an index by the field": (lambda: field_altered("size", models.IntegerField(db_index=True)), WAITS),
    "a column dropped": (lambda: migrations.RemoveField("call", "note"), STILL_USES),
    "a column dropped beside the state": (lambda: apart(migrations.RemoveField("call", "note")), STILL_USES),
    "a table dropped": (lambda: migrations.DeleteModel("Call"), STILL_USES),
    "a column renamed": (lambda: migrations.RenameField("call", "size", "bytes"), OLD_NAME),
    "a model renamed": (lambda: migrations.RenameModel("Call", "Talk"), OLD_NAME),
    "a table renamed": (lambda: migrations.AlterModelTable("call", "talks"), OLD_NAME),
    "an index": (lambda: migrations.AddIndex("call", INDEX), WAITS),
    "a unique constraint": (lambda: migrations.AddConstraint("call", UNIQUE), PROVEN),
    "a check": (lambda: migrations.AddConstraint("call", POSITIVE), PROVEN),
    "a unique index of released columns": (lambda: AddUniqueConcurrently("call", UNIQUE), AT_ONCE),
    "a check of new rows": (lambda: AddConstraintNotValid("call", POSITIVE), AT_ONCE),
    "statements of one's own": (lambda: migrations.RunSQL("UPDATE app_call SET size = 1"), SAY_WHY),
    "code of one's own": (lambda: migrations.RunPython(migrations.RunPython.noop), SAY_WHY),
    "what nobody has thought of": (
        lambda: migrations.AlterUniqueTogether("call", {("name", "size")}),
        "nobody has told",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_it_refuses_what_the_released_code_cannot_stand(what: str) -> None:
    operation, reason = BAD[what]

    (refusal,) = refusals(operation())

    assert refusal.startswith("app.0002_next: ")
    assert reason in refusal


GOOD: dict[str, Callable[[], Sequence[Operation]]] = {
    "a column that may be empty": lambda: [field_added(models.TextField(null=True))],
    "a column that the database fills": lambda: [field_added(models.IntegerField(db_default=0))],
    "a table between two": lambda: [field_added(models.ManyToManyField("app.Agent"))],
    "a foreign key without an index": lambda: [
        field_added(
            models.ForeignKey("app.Agent", models.CASCADE, null=True, db_index=False, related_name="+")
        )
    ],
    "a longer text": lambda: [
        field_altered("name", models.CharField(max_length=20)),
        field_altered("name", models.TextField()),
    ],
    "a column that may be empty from now on": lambda: [field_altered("size", models.IntegerField(null=True))],
    "words alone": lambda: [
        field_altered("size", models.IntegerField(help_text="In bytes.")),
        migrations.AlterModelOptions("call", {"ordering": ["-id"]}),
    ],
    "an index made while others write": lambda: [AddIndexConcurrently("call", INDEX)],
    "a unique index with a column that released rows leave NULL": lambda: [
        field_added(models.IntegerField(null=True)),
        unique("agent", "added"),
        unique("name", "added", condition=models.Q(added__isnull=False)),
    ],
    "a check proven": lambda: [ValidateConstraint("call", "call_size_positive")],
    "a field taken out of the model alone": lambda: [
        apart(of_model=[migrations.RemoveField("call", "note")])
    ],
    "anything with a table that is not released": lambda: [
        made("Talk", name=models.CharField(max_length=10)),
        migrations.AddIndex("talk", models.Index(fields=["name"], name="talk_name")),
        migrations.AddField("talk", "size", models.IntegerField(default=0, db_index=True)),
        migrations.AlterField("talk", "name", models.IntegerField()),
        migrations.AddConstraint("talk", models.UniqueConstraint(fields=["name"], name="talk_name_unique")),
        AddUniqueConcurrently("talk", UNIQUE),
        AddConstraintNotValid("talk", POSITIVE),
        migrations.RemoveField("talk", "size"),
        migrations.RenameModel("Talk", "Speech"),
        migrations.DeleteModel("Speech"),
    ],
    "a field that is not released, gone again": lambda: [
        field_added(models.TextField(null=True)),
        migrations.RenameField("call", "added", "other"),
        migrations.RemoveField("call", "other"),
    ],
}


@pytest.mark.parametrize("what", GOOD)
def test_it_accepts_what_the_released_code_can_stand(what: str) -> None:
    assert refusals(*GOOD[what]()) == []


def test_a_default_of_the_database_stays_for_a_release() -> None:
    added = field_added(models.IntegerField(db_default=0))

    (refusal,) = refusals(added, field_altered("added", models.IntegerField()))

    assert ADDS_ROWS in refusal


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        pytest.param(
            models.IntegerField(db_default=0), lambda: unique("name", "added"), id="all have the default"
        ),
        pytest.param(
            models.IntegerField(null=True),
            lambda: unique("name", "added", nulls_distinct=False),
            id="NULL counts as a value",
        ),
        pytest.param(
            models.IntegerField(null=True),
            lambda: unique("name", condition=models.Q(added__isnull=True)),
            id="the condition takes them in",
        ),
    ],
)
def test_a_new_column_does_not_excuse_a_unique_index_that_released_rows_can_break(
    field: Any, rule: Callable[[], Operation]
) -> None:
    (refusal,) = refusals(field_added(field), rule())

    assert AT_ONCE in refusal


BY_WORD: dict[str, Callable[[], Operation]] = {
    "statements": lambda: apart(migrations.RunSQL('ALTER TABLE "app_call" DROP COLUMN "size"')),
    "code": lambda: migrations.RunPython(migrations.RunPython.noop),
    "a unique index": lambda: AddUniqueConcurrently("call", UNIQUE),
    "a check": lambda: AddConstraintNotValid("call", POSITIVE),
}


@pytest.mark.parametrize("what", BY_WORD)
def test_what_only_its_author_can_tell_is_accepted_by_the_authors_word(what: str) -> None:
    operation = BY_WORD[what]()

    assert refusals(operation, safe_because="since release 7 nobody writes such rows") == []
    assert len(refusals(operation, safe_because="")) == 1


@pytest.mark.parametrize(
    "what", [what for what, (_, reason) in BAD.items() if reason not in (SAY_WHY, AT_ONCE)]
)
def test_the_authors_word_excuses_nothing_whose_fault_is_known(what: str) -> None:
    operation, reason = BAD[what]

    (refusal,) = refusals(operation(), BY_WORD["statements"](), safe_because="nobody writes meanwhile")

    assert reason in refusal


# --- The command ------------------------------------------------------------------------------------------
@pytest.fixture
def _with_migrations(settings: Any) -> None:
    """Also where tests run without (--no-migrations)."""
    settings.MIGRATION_MODULES = {}


@pytest.mark.usefixtures("_with_migrations")
def test_our_own_migrations_are_safe_for_the_released_code(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_upgrade")

    assert "safe while that runs" in capsys.readouterr().out


@pytest.mark.usefixtures("_with_migrations")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('exports = "0001_initial"', r"exports\.0002_tell_when_ready: Create index export_to_be_told"),
        ('exports = "0999_dreamt"', "0999_dreamt"),
    ],
)
def test_the_command_refuses_and_says_why(line: str, said: str, settings: Any, tmp_path: Path) -> None:
    project = Path(settings.BASE_DIR, "pyproject.toml").read_text()
    (before,) = (each for each in project.splitlines() if each.startswith('exports = "'))
    (tmp_path / "pyproject.toml").write_text(project.replace(before, line))
    settings.BASE_DIR = tmp_path

    with pytest.raises(CommandError, match=said):
        call_command("check_upgrade")
