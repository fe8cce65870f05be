-- Schema version 3: the name by which this library marks its buckets. It is here, and not in a file
-- beside the catalog, so that a backup brings it back: without it, a library that was restored would
-- take its own bucket for somebody else's.
ALTER TABLE house ADD COLUMN mark TEXT;
