"""A page that shows what a hybrid search does: static files, no build step; and a server for indexes in folders.

The page asks ``/v1`` like any other client; it ranks in the browser from the parts that every hit carries.
"""
