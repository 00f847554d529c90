//! The compiled-in JSON Schemas of what Genesys Cloud accepts.
