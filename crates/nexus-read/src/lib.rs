//! nexus-read
