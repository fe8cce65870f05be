-- Schema version 4: titles whose picture was to be copied, until something in it turned out not to be
-- what the plan said. Of a long film only a few pictures are looked at before the plan is drawn.
ALTER TABLE titles ADD COLUMN copy_refused INTEGER NOT NULL DEFAULT 0 CHECK (copy_refused IN (0, 1));
