//! The cases that do not go as they say, by reason.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

/// Most exceptions there may be. The number goes down with them and never up.
const MOST: usize = 589;

#[derive(Deserialize)]
struct File {
    reason: Vec<Reason>,
}

/// One reason and its cases.
#[derive(Deserialize)]
pub(super) struct Reason {
    pub(super) why: String,
    pub(super) cases: Vec<String>,
}

pub(super) struct Exceptions {
    pub(super) reasons: Vec<Reason>,
    by_case: BTreeMap<String, usize>,
}

impl Exceptions {
    pub(super) fn read(path: &Path) -> Self {
        let file: File = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let mut by_case = BTreeMap::new();
        for (index, reason) in file.reason.iter().enumerate() {
            for case in &reason.cases {
                assert!(by_case.insert(case.clone(), index).is_none(), "`{case}` is excepted twice");
            }
        }
        let count = by_case.len();
        assert!(count <= MOST, "{count} exceptions are more than the {MOST} there were; their number only goes down");
        Self { reasons: file.reason, by_case }
    }

    pub(super) fn reason(&self, case: &str) -> Option<&str> {
        self.by_case.get(case).map(|index| self.reasons[*index].why.as_str())
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.by_case.keys().map(String::as_str)
    }
}
