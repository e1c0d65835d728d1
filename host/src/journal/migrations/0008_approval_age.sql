-- Which calls keep an approval from being removed.
CREATE INDEX calls_by_approval ON calls (approval) WHERE approval IS NOT NULL;
