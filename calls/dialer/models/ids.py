import secrets


def new_public_id() -> str:
    """24 hexadecimal digits, as all ids of the dialer surface (seed dialer-add-calls)."""
    return secrets.token_hex(12)
