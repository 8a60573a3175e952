from django.db import migrations, models

from zipingest.concurrently import AddIndexConcurrently, AddUniqueConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('partners', '0005_events'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='delivery',
            index=models.Index(condition=models.Q(('sequence__isnull', True)), fields=['partner', 'sub_tenant', 'id'], name='delivery_unnumbered'),
        ),
        AddUniqueConcurrently(
            model_name='delivery',
            constraint=models.UniqueConstraint(condition=models.Q(('sequence__isnull', False)), fields=('partner', 'sub_tenant', 'sequence'), name='delivery_sequence_unique'),
        ),
    ]
