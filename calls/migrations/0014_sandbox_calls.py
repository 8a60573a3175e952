from django.db import migrations, models

from zipingest.concurrently import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('calls', '0013_dialled_calls'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='call',
            index=models.Index(condition=models.Q(('sandbox', True)), fields=['id'], name='call_sandbox'),
        ),
    ]
