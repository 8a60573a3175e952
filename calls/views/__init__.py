"""Pages of an account's people; each is a :class:`partners.pages.MemberPage`."""
