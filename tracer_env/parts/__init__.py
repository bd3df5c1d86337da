"""The parts that a user names or brings: made from what was written, trusted or not, held to what they must return.

Read `casting` (names, settings and objects become parts), `trust` (who may name code), `contracts` and `task_contracts`
(what parts return, checked at the seam), `blame` (whose fault it was); `worlds`, `voices` and `lessons` are what parts
say of themselves.
"""
