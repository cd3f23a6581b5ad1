"""Who may do what at the labelling desk."""

from qms.accounts.roles import Role

READERS = (Role.ANNOTATOR, Role.LEAD, Role.ML, Role.MANAGER, Role.ADMIN, Role.AUDITOR)
KEEPERS = (Role.LEAD, Role.ML, Role.ADMIN)  # of the connection: try again, look now
SENDERS = (Role.INSPECTOR, Role.LEAD, Role.ML, Role.ADMIN)
