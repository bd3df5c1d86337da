"""The store of utterances: what a model was asked is asked once, in any run and by any process of this machine.

Read `keys` (what an answer hangs on), `records` (what is kept of it), `opening` and `database` (a file that several
processes use at once), then `tending` and `exporting`: counting, checking, mending, thinning out, handing on.
"""
