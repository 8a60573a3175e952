from typing import ClassVar
from urllib.parse import urlsplit

from django.db import models
from django.db.models import Q

from partners.models import SubTenant
from zipingest import crypto


class AuthMethod(models.TextChoices):
    """How a recording's server is shown the secret (network document, Secure Recording URL)."""

    BEARER = "bearer", "Authorization: Bearer …"
    QUERY = "query", "query parameter"
    HEADER = "header", "custom header"


class RecordingAuth(models.Model):
    """How recordings on certain hosts are asked for; requests name it by its id, as an auth config.

    ``sealed_secret`` is encrypted, as it must be sent as it is; it goes to none but ``hosts``, over https.
    """

    sub_tenant = models.ForeignKey(SubTenant, on_delete=models.CASCADE, related_name="recording_auths")
    name = models.CharField(max_length=255)
    method = models.CharField(max_length=6, choices=AuthMethod.choices)
    parameter = models.CharField(
        max_length=255, blank=True, help_text="Name of the query parameter or of the header."
    )
    hosts = models.JSONField(default=list, help_text="host or host:port, without https://")
    sealed_secret = models.TextField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "auth config"
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(method=AuthMethod.BEARER) | ~Q(parameter=""), name="recording_auth_has_parameter"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def secret(self) -> str:
        return crypto.decrypt(self.sealed_secret)

    def covers(self, url: str) -> bool:
        """Whether the secret may go to ``url``: https, and one of the hosts."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return False
        host = (parts.hostname or "").rstrip(".")
        return parts.scheme == "https" and _authority(host, port) in self.hosts


def _authority(host: str, port: int | None) -> str:
    host = f"[{host}]" if ":" in host else host
    return host if port in (None, 443) else f"{host}:{port}"


class StoreKind(models.TextChoices):
    S3 = "s3", "Amazon S3 or compatible"
    AZURE = "azure", "Azure Blob Storage"
    SFTP = "sftp", "SFTP"


class DirectAccess(models.Model):
    """Where an account's recordings lie that are named by ``recording_filename``, and how we get at them."""

    sub_tenant = models.OneToOneField(SubTenant, on_delete=models.CASCADE, related_name="direct_access")
    kind = models.CharField(max_length=5, choices=StoreKind.choices)
    endpoint = models.CharField(
        max_length=255,
        blank=True,
        help_text="https://host of the store, empty for Amazon's and Azure's own; of SFTP host or host:port.",
    )
    region = models.CharField(max_length=64, blank=True, help_text="S3 only.")
    container = models.CharField("bucket or container", max_length=255, blank=True)
    base_path = models.CharField(max_length=512, blank=True, help_text="Nothing outside of it is read.")
    account = models.CharField("access key id, account or user", max_length=255)
    sealed_secret = models.TextField(editable=False)
    host_key = models.TextField(
        blank=True, help_text="SFTP only: the server's public key, as in known_hosts (type and base64)."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "direct access"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=(Q(kind="sftp") & ~Q(endpoint="") & ~Q(host_key=""))
                | (Q(kind__in=["s3", "azure"]) & ~Q(container="")),
                name="direct_access_is_complete",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.sub_tenant}"

    @property
    def secret(self) -> str:
        """The secret access key, account key, password, or private key in PEM."""
        return crypto.decrypt(self.sealed_secret)
