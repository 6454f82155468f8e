"""Downloading what a dataset is built from: files of components, whole and resumable, and EOL's images one by one."""
