//! Records in, offsets and dead letters out. Knows bytes only.
