from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("calls", "0006_fill_who_and_whose")]

    operations = [
        migrations.AddConstraint(
            model_name='accessrecord',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'listen')), fields=('call', 'actor', 'slot'), name='listen_once_in_ten_minutes'),
        ),
    ]
