"""Whether the released code can go on working on the tables that newer migrations leave.

An upgrade migrates first and restarts afterwards, so for a while old code runs on the new schema; and what a
migration locks, nobody can write meanwhile. What an operation does is known by its kind. Of ``RunSQL`` and
``RunPython``, and of constraints that the released code's new rows must meet too (NOT VALID spares only the
rows that are there), only their author can tell, and says why they are safe in ``Migration.safe_because``.
That counts for these operations of the migration and for no other.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from django.apps import apps
from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently, ValidateConstraint
from django.db import migrations
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Field
from django.db.utils import ConnectionHandler

from zipingest.concurrently import AddUniqueConcurrently

_ROOMS = ("zipingest", "partners", "calls", "exports")
# Never connected to: it says of which type a column would be.
_POSTGRESQL = ConnectionHandler({"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "none"}})

_LATER = "the released code still uses it: take it out of the model alone now, drop it in the release after"
_OLD_NAME = "the released code knows only the old name: add the new one, fill it, and drop the old one later"
_NO_VALUE = "the released code adds rows without it: it needs null=True or db_default until the release after"
_NULL = "the released code may write NULL: do it in the release after"
_ANEW = "the whole table is written anew, and nobody can read it meanwhile"
_PROVEN = "nobody can write meanwhile: AddUniqueConcurrently, or AddConstraintNotValid and ValidateConstraint"
_SAY = "say in the migration's safe_because why the released code can stand it"
_AT_ONCE = f"the released code's new rows must meet it at once: {_SAY}"
_LOCKS = "writing waits until it is made: db_index=False, and AddIndexConcurrently of zipingest.concurrently"


@dataclass(frozen=True, slots=True)
class Step:
    """An operation's surroundings: what is released, how the models are before it, what its author says."""

    app: str
    released: ProjectState
    before: ProjectState
    safe_because: str

    def is_released(self, model: str, field: str = "") -> bool:
        """Whether the released code knows the model, and its field."""
        state = self.released.models.get((self.app, model.lower()))
        return state is not None and (not field or field in state.fields)

    def is_left_null(self, model: str, field: str) -> bool:
        """Whether the field is NULL in every row that the released code adds."""
        added = self.before.models[self.app, model.lower()].fields.get(field)
        if added is None or self.is_released(model, field):
            return False
        return added.null and not added.has_db_default()


def newer(loader: MigrationLoader, released: Mapping[str, str]) -> tuple[ProjectState, list[Migration]]:
    """The models as released, and our migrations since, in their order.

    ``released`` names the last released migration of an app by its label; of other apps of ours nothing is.
    Raises NodeNotFoundError where there is no such migration.
    """
    ours = {app.label for app in apps.get_app_configs() if app.name.split(".")[0] in _ROOMS}
    leaves = loader.graph.leaf_nodes()
    baseline = [*released.items(), *(leaf for leaf in leaves if leaf[0] not in ours)]
    known = {node for target in baseline for node in loader.graph.forwards_plan(target)}
    # Dictionaries keep the order.
    plan = {node: None for leaf in leaves for node in loader.graph.forwards_plan(leaf) if node not in known}
    return loader.project_state(baseline), [loader.graph.nodes[node] for node in plan]


def refused(released: ProjectState, since: Iterable[Migration]) -> Iterator[str]:
    """Per operation that the released code could not stand: migration, operation, and why not."""
    before = released.clone()
    for migration in since:
        for operation in migration.operations:
            step = Step(migration.app_label, released, before, getattr(migration, "safe_because", ""))
            if reason := fault(operation, step):
                yield f"{migration.app_label}.{migration.name}: {operation.describe()}: {reason}"
            before = before.clone()
            operation.state_forwards(migration.app_label, before)


# --- What is wrong with an operation, by its kind; "" where nothing is ------------------------------------
@singledispatch
def fault(operation: Operation, step: Step) -> str:
    return "nobody has told zipingest.upgrades whether this is safe"


@fault.register(migrations.CreateModel)
@fault.register(migrations.AlterModelOptions)
@fault.register(migrations.AlterModelManagers)
@fault.register(migrations.AlterModelTableComment)
@fault.register(migrations.RemoveIndex)
@fault.register(migrations.RenameIndex)
@fault.register(migrations.RemoveConstraint)
@fault.register(AddIndexConcurrently)
@fault.register(ValidateConstraint)
def _nothing(operation: Operation, step: Step) -> str:
    return ""


@fault.register
def _added_field(operation: migrations.AddField, step: Step) -> str:
    field = operation.field
    if not step.is_released(operation.model_name) or field.many_to_many:
        return ""
    if getattr(field, "generated", False):
        return _ANEW
    if not field.null and not field.has_db_default():
        return _NO_VALUE
    return _LOCKS if _is_indexed(field) else ""


@fault.register
def _altered_field(operation: migrations.AlterField, step: Step) -> str:
    if not step.is_released(operation.model_name):
        return ""
    after = step.before.clone()
    operation.state_forwards(step.app, after)
    old, new = (_field(state, step.app, operation) for state in (step.before, after))
    if old.null and not new.null:
        return _NULL
    if old.column != new.column:
        return _OLD_NAME
    if not _holds(_type(new), _type(old)):
        return f"from {_type(old)} to {_type(new)} {_ANEW}"
    if old.has_db_default() and not new.has_db_default():
        return "" if step.is_released(operation.model_name, operation.name) else _NO_VALUE
    return _LOCKS if _is_indexed(new) and not _is_indexed(old) else ""


@fault.register
def _removed_field(operation: migrations.RemoveField, step: Step) -> str:
    return _LATER if step.is_released(operation.model_name, operation.name) else ""


@fault.register
def _deleted_model(operation: migrations.DeleteModel, step: Step) -> str:
    return _LATER if step.is_released(operation.name) else ""


@fault.register
def _renamed_field(operation: migrations.RenameField, step: Step) -> str:
    return _OLD_NAME if step.is_released(operation.model_name, operation.old_name) else ""


@fault.register
def _renamed_model(operation: migrations.RenameModel, step: Step) -> str:
    return _OLD_NAME if step.is_released(operation.old_name) else ""


@fault.register
def _renamed_table(operation: migrations.AlterModelTable, step: Step) -> str:
    return _OLD_NAME if step.is_released(operation.name) else ""


@fault.register
def _added_index(operation: migrations.AddIndex, step: Step) -> str:
    return _LOCKS if step.is_released(operation.model_name) else ""


@fault.register
def _added_constraint(operation: migrations.AddConstraint, step: Step) -> str:
    return _PROVEN if step.is_released(operation.model_name) else ""


@fault.register
def _added_unique(operation: AddUniqueConcurrently, step: Step) -> str:
    """A row with NULL in one of the columns is no duplicate of any, unless NULLs count as alike."""
    reason, constraint = _met_at_once(operation, step), operation.constraint
    if not reason or constraint.nulls_distinct is False:
        return reason
    null = (step.is_left_null(operation.model_name, field) for field in constraint.fields)
    return "" if any(null) else reason


@fault.register(AddConstraintNotValid)
def _met_at_once(operation: migrations.AddConstraint, step: Step) -> str:
    return _AT_ONCE if step.is_released(operation.model_name) and not step.safe_because else ""


@fault.register(migrations.RunSQL)
@fault.register(migrations.RunPython)
def _run(operation: Operation, step: Step) -> str:
    return "" if step.safe_because else _SAY


@fault.register
def _apart(operation: migrations.SeparateDatabaseAndState, step: Step) -> str:
    return next(filter(None, (fault(one, step) for one in operation.database_operations)), "")


# --- Columns ----------------------------------------------------------------------------------------------
def _field(state: ProjectState, app: str, operation: migrations.AlterField) -> "Field[Any, Any]":
    field: Field[Any, Any] = state.apps.get_model(app, operation.model_name)._meta.get_field(operation.name)
    return field


def _is_indexed(field: "Field[Any, Any]") -> bool:
    return bool(getattr(field, "db_index", False)) or field.unique


def _type(field: "Field[Any, Any]") -> str:
    return field.db_type(_POSTGRESQL["default"]) or ""


def _holds(new: str, old: str) -> bool:
    """Whether a column becomes of the new type without its rows being touched: the same, or a wider text."""
    return new == old or 0 < _length(old) <= _length(new)


def _length(name: str) -> float:
    """How much text a column of the type takes; 0 where it takes none."""
    limited = re.fullmatch(r"varchar\((\d+)\)", name)
    if limited:
        return int(limited[1])
    return math.inf if name in ("varchar", "text") else 0
