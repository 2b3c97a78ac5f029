"""The reader for partners' programs (docs/partners.md); it installs without the relay's own side."""

from services.client.access import Access
from services.client.errors import ClientError, Problem
from services.client.record import Delivery, Family
from services.client.subscription import Subscription

__all__ = ["Access", "ClientError", "Delivery", "Family", "Problem", "Subscription"]
