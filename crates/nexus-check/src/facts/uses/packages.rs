use std::{collections::BTreeMap, sync::Arc};

use crate::{
    CheckError,
    facts::{
        files::{FileKind, Found, Language},
        source::Source,
    },
};

/// How much of a file is read for its package: no comment before it is longer.
const HEAD: usize = 16 * 1024;
/// Most parts of a name that are read.
const MOST_PARTS: usize = 64;

/// The packages of a repository's Java and Kotlin, by what their files say and not by where they are: Kotlin leaves out
/// directories that all would share.
#[derive(Debug, Default)]
pub(crate) struct Packages(BTreeMap<String, Vec<String>>);

impl Packages {
    /// Reads the beginning of every file of these languages that is not a test, also of those that have not changed: an
    /// import names a package, and only its files tell whose it is.
    ///
    /// # Errors
    /// [`CheckError::Unreadable`].
    pub(crate) fn read(files: &[Found]) -> Result<Self, CheckError> {
        let mut packages = Self::default();
        for found in files.iter().filter(|found| found.kind == FileKind::Plain(Language::Java) && !found.is_test()) {
            packages.add(&Source::new(Arc::new(found.head(HEAD)?), found.kind));
        }
        Ok(packages)
    }

    pub(crate) fn add(&mut self, source: &Source) {
        let declared = (0..source.tokens.len()).find(|index| source.is_word(*index, "package"));
        let name = declared.map(|index| Name::at(source, index + 1)).filter(|name| !name.parts.is_empty());
        if let Some(name) = name {
            self.0.entry(name.parts.join(".")).or_default().push(source.text.file.clone());
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The files that an import may mean: the one that is named like its class, or else all of the package.
    pub(super) fn files(&self, import: &Name) -> Vec<&str> {
        let parts = &import.parts;
        let found = (1..=parts.len()).rev().find_map(|length| {
            let (package, rest) = parts.split_at_checked(length)?;
            // What follows a package is a class and what is in it, or one function. Anything else is a package of its
            // own, whose files are elsewhere.
            let fits = rest.len() <= 1 || rest.first().is_some_and(|class| class.starts_with(char::is_uppercase));
            self.0.get(&package.join(".")).filter(|_| fits).map(|files| (files, rest.first()))
        });
        let Some((files, class)) = found else { return Vec::new() };
        let is_named = |file: &&String| {
            let name = file.rsplit('/').next().and_then(|name| name.rsplit_once('.'));
            name.is_some_and(|(stem, _)| class.is_some_and(|class| class == stem))
        };
        let named: Vec<&str> = files.iter().filter(is_named).map(String::as_str).collect();
        if named.is_empty() { files.iter().map(String::as_str).collect() } else { named }
    }
}

/// A name with dots: `com.shop.billing.Invoice`, without the `*` that may end it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Name {
    parts: Vec<String>,
}

impl Name {
    /// The name that begins at a token. Kotlin puts words that it needs itself in backticks.
    pub(super) fn at(source: &Source, start: usize) -> Self {
        let mut name = Self::default();
        let mut at = start;
        while name.parts.len() < MOST_PARTS {
            let quoted = usize::from(source.is_sign(at, '`'));
            let Some(word) = source.tokens.get(at + quoted).filter(|token| token.is_word()) else { break };
            name.parts.push(source.text.get(word.inner.clone()).to_owned());
            at += 1 + 2 * quoted;
            if !source.is_sign(at, '.') {
                break;
            }
            at += 1;
        }
        name
    }
}
