"""Where work is done: in this process, or by workers on one machine or many.

Read `seam` first (what work is, and what an executor promises), then `standing_in` (a speaker that lives in the
workers, as the driver sees it), then `ray_pool`.
"""
