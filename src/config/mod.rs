//! The configuration: `conduit.toml`, the environment and flags become one checked `Config`.
