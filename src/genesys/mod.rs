//! One request to Genesys Cloud at a time, and what its answer means.
