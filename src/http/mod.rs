//! The agent's own HTTP endpoints.
