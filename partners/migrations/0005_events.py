import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('partners', '0004_access_tokens'),
    ]

    operations = [
        migrations.AddField(
            model_name='delivery',
            name='sequence',
            field=models.PositiveBigIntegerField(editable=False, null=True),
        ),
        migrations.CreateModel(
            name='EventFeed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('last', models.PositiveBigIntegerField(default=0, editable=False)),
                ('partner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='feeds', to='partners.partner')),
                ('sub_tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='feeds', to='partners.subtenant')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('partner', 'sub_tenant'), name='event_feed_unique_per_sub_tenant')],
            },
        ),
    ]
