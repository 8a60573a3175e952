from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('exports', '0002_tell_when_ready'),
    ]

    operations = [
        migrations.AddField(
            model_name='exportjob',
            name='manifest_columns',
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list, editable=False),
        ),
    ]
