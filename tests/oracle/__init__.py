"""The oracle: an independent program that reads every topic and decides whether the relay kept its promises.

It shares nothing with the pipeline but the codec (tests/unit/test_oracle.py holds that): what it knows of entitlement,
envelopes and accounts it works out again from ARCHITECTURE §4, §5 and §8, as plainly as it can.
"""
