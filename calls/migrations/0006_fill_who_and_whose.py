from django.db import migrations
from django.db.models import Case, F, OuterRef, Subquery, When


def fill(apps, schema_editor):
    """What is now kept beside the rows: whose they are, who it was, and from when retention counts."""
    call = apps.get_model("calls", "Call")
    recordings = apps.get_model("calls", "Recording").objects
    accesses = apps.get_model("calls", "AccessRecord").objects
    user = apps.get_model("partners", "User")
    of_call = call.objects.filter(pk=OuterRef("call"))
    of_user = user.objects.filter(pk=OuterRef("user"))
    recordings.update(sub_tenant=Subquery(of_call.values("sub_tenant")))
    ended = Subquery(of_call.values("ended_at"))
    recordings.filter(state="done").annotate(ended=ended).update(
        kept_from=Case(When(ended__gt=F("completed_at"), then=ended), default=F("completed_at"))
    )
    accesses.update(
        sub_tenant=Subquery(of_call.values("sub_tenant")), actor=Subquery(of_user.values("username"))
    )


class Migration(migrations.Migration):
    dependencies = [("calls", "0005_campaigns_holds_retention")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
