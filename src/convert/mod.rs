//! One partition's machine: (state, input) → (state, events), in CIC names. No clock, no directory, no I/O.
