//! Keeps the names true: the directory file and the organization's API.
