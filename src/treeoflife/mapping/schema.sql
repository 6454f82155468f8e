-- The tables of the published mapping.sqlite beside those of the sources, which sqlite.py creates.
CREATE TABLE IF NOT EXISTS split (
    evobio10m_id TEXT NOT NULL PRIMARY KEY,
    is_val INTEGER NOT NULL,
    is_train_small INTEGER NOT NULL
);
