"""A process that mails what has failed and kills itself before it has written that down."""

import django

from tests.kills.worker import always, die_before


def main() -> None:
    django.setup()
    from calls.services import notices

    die_before("zipingest.bulk", "update_rows", always)
    notices.tell()


if __name__ == "__main__":
    main()
