use std::path::{Path, PathBuf};

/// A set of reference data that tests use when it is there.
pub(crate) struct DataSet {
    /// The variable through which tests find it.
    pub(crate) variable: &'static str,
    /// The folder, in `shared` beside the repository.
    folder: &'static str,
    /// What is not proved without it.
    pub(crate) without: &'static str,
}

/// All of them.
pub(crate) const SETS: &[DataSet] = &[
    DataSet {
        variable: "NEXUS_DATA_DIR",
        folder: "data",
        without: "imports of the real retail orders; they run on a small sample",
    },
    DataSet {
        variable: "NEXUS_CONFORMANCE_DIR",
        folder: "conformance",
        without: "the public JSON Schema and Rego conformance suites; they run on a small sample",
    },
];

impl DataSet {
    /// Where it is: as the variable says, else in `../shared`.
    pub(crate) fn find(&self, root: &Path) -> Option<PathBuf> {
        let named = std::env::var_os(self.variable).map(PathBuf::from);
        let beside = root.parent().map(|parent| parent.join("shared").join(self.folder));
        named.or(beside).filter(|folder| folder.is_dir())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_that_is_not_there_is_not_found() {
        let set = DataSet { variable: "NEXUS_NO_SUCH_VARIABLE", folder: "no-such-folder", without: "" };
        assert_eq!(set.find(Path::new(env!("CARGO_MANIFEST_DIR"))), None);
    }
}
