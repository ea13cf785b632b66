use std::{collections::BTreeMap, sync::Arc};

use super::text::Text;

/// The policies of one directory, which are in force together.
#[derive(Debug, Default)]
pub(crate) struct PolicyBundle {
    pub(crate) directory: String,
    /// What is in force, in order of the names.
    pub(crate) modules: Vec<Arc<Text>>,
    /// Their tests.
    pub(crate) tests: Vec<Arc<Text>>,
}

impl PolicyBundle {
    /// Sorts policy files into bundles.
    pub(crate) fn all(files: Vec<Arc<Text>>) -> Vec<Self> {
        let mut bundles: BTreeMap<String, Self> = BTreeMap::new();
        for text in files {
            let directory = text.directory().to_owned();
            let bundle = bundles.entry(directory.clone()).or_insert_with(|| Self { directory, ..Self::default() });
            let of_kind = if text.file.ends_with("_test.rego") { &mut bundle.tests } else { &mut bundle.modules };
            of_kind.push(text);
        }
        bundles.into_values().collect()
    }

    /// The name a module has in errors and in the digest of the bundle: that of its file.
    pub(crate) fn module_name(text: &Text) -> &str {
        text.file.rsplit('/').next().unwrap_or(&text.file)
    }
}
