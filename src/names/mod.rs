//! CIC names become Genesys Cloud ids; drafts become events.
