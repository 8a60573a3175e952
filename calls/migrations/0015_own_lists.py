from django.db import migrations, models

from zipingest.concurrently import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('calls', '0014_sandbox_calls'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='recording',
            index=models.Index(
                condition=models.Q(('state', 'failed'), ('state', 'poison'), _connector='OR'),
                fields=['lane', 'sub_tenant', '-call'],
                name='recording_own_failed',
            ),
        ),
        AddIndexConcurrently(
            model_name='recording',
            index=models.Index(
                condition=models.Q(('state', 'due')),
                fields=['lane', 'sub_tenant', '-call'],
                name='recording_own_due',
            ),
        ),
    ]
