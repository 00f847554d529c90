//! What goes out, as data: events, the lanes and keys that order them, and their ids.
