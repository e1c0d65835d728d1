-- The calls of one run, in their order, however many others there are.
CREATE INDEX calls_by_run ON calls (run);
