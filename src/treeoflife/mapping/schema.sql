-- The tables of the published mapping.sqlite; further sources add a table each, made in sqlite.py.
-- made_from is ours: what the tables were made from, so that they are known to be up to date.
CREATE TABLE IF NOT EXISTS split (
    evobio10m_id TEXT NOT NULL PRIMARY KEY,
    is_val INTEGER NOT NULL,
    is_train_small INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS made_from (
    stage TEXT NOT NULL PRIMARY KEY,
    inputs TEXT NOT NULL
);
