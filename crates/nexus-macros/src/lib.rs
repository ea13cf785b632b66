//! nexus-macros
