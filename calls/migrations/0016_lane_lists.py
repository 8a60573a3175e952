from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ('calls', '0015_own_lists'),
    ]

    operations = [
        migrations.RemoveIndex(model_name='recording', name='recording_lane_failed'),
        migrations.RemoveIndex(model_name='recording', name='recording_lane_due'),
    ]
