"""Times as support compares them with partners' logs: to the second, without am and pm."""

DATETIME_FORMAT = "Y-m-d H:i:s"
