"""Which image becomes a sample: matching, rules, hold-outs, marks, licences, duplicates, the ledger."""
