"""The local stack for demo, tests and benchmarks: real Kafka and Redis, nothing left running afterwards."""

from services.runtime.local.process import StackError
from services.runtime.local.stack import LocalStack

__all__ = ["LocalStack", "StackError"]
