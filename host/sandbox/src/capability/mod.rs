//! Capabilities: what a guest may import. One per file or folder; each is linked once per engine and prepared per call.

pub mod fs;
