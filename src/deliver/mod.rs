//! Events are accepted in order, at the pace that Genesys Cloud allows.
