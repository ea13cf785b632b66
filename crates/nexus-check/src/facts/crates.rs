use std::{collections::BTreeMap, ops::Range, sync::Arc};

use toml::de::{DeTable, DeValue};

use super::{manifest::malformed, text::Text};
use crate::CheckError;

/// A crate of the repository, as its manifest says. Cargo itself is not asked: the files hold all that is needed, with
/// places, and a check of services in other languages needs no Rust.
#[derive(Debug)]
pub(crate) struct CrateManifest {
    pub(crate) text: Arc<Text>,
    pub(crate) name: String,
    /// What it needs outside its tests.
    pub(crate) dependencies: Vec<Dependency>,
}

/// What a crate depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// The crate.
    pub(crate) name: String,
    /// Where the dependency is declared.
    pub(crate) range: Range<usize>,
}

/// Reads the crates out of their manifests; a manifest that only holds a workspace is none.
///
/// # Errors
/// [`CheckError::Malformed`] when one is no TOML.
pub(crate) fn crates(texts: &[Arc<Text>]) -> Result<Vec<CrateManifest>, CheckError> {
    let mut documents = Vec::new();
    for text in texts {
        let document = DeTable::parse(&text.text).map_err(|error| {
            malformed(text, error.span().unwrap_or(0..0), error.message().to_owned(), "make it valid TOML")
        })?;
        documents.push((text, document.into_inner()));
    }
    let renamed = shared_names(documents.iter().map(|(_, document)| document));
    let package = |(text, document): &(&Arc<Text>, DeTable<'_>)| {
        let name = table(document, "package")?.get("name")?.get_ref().as_str()?.to_owned();
        Some(CrateManifest { text: Arc::clone(text), name, dependencies: dependencies(document, &renamed) })
    };
    Ok(documents.iter().filter_map(package).collect())
}

fn table<'a>(within: &'a DeTable<'a>, name: &str) -> Option<&'a DeTable<'a>> {
    within.get(name)?.get_ref().as_table()
}

/// What the names in `[workspace.dependencies]` stand for where that is another name.
fn shared_names<'a>(documents: impl Iterator<Item = &'a DeTable<'a>>) -> BTreeMap<String, String> {
    let shared = documents.filter_map(|document| table(table(document, "workspace")?, "dependencies"));
    let renamed = shared
        .flatten()
        .filter_map(|(key, value)| Some((key.get_ref().to_string(), package_of(value.get_ref())?.to_owned())));
    renamed.collect()
}

fn package_of<'a>(value: &'a DeValue<'a>) -> Option<&'a str> {
    value.as_table()?.get("package")?.get_ref().as_str()
}

fn dependencies(document: &DeTable<'_>, shared: &BTreeMap<String, String>) -> Vec<Dependency> {
    let targets = table(document, "target").into_iter().flatten().filter_map(|(_, target)| target.get_ref().as_table());
    let mut found = Vec::new();
    for place in std::iter::once(document).chain(targets) {
        for section in ["dependencies", "build-dependencies"] {
            for (key, value) in table(place, section).into_iter().flatten() {
                let written = key.get_ref().as_ref();
                let name = package_of(value.get_ref()).or_else(|| shared.get(written).map(String::as_str));
                found.push(Dependency { name: name.unwrap_or(written).to_owned(), range: key.span() });
            }
        }
    }
    found.sort_by_key(|dependency| dependency.range.start);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_known_by_the_crate_they_mean() {
        let workspace = "[workspace.dependencies]\nbill = { path = \"b\", package = \"billing\" }\n";
        let manifest = "[package]\nname = \"orders\"\n[dependencies]\nbill.workspace = true\nship = { package = \
                        \"shipping\", path = \"../s\" }\n[target.'cfg(unix)'.dependencies]\nlibc = \"1\"\n\
                        [dev-dependencies]\ntestkit = \"1\"\n";
        let texts = [("Cargo.toml", workspace), ("orders/Cargo.toml", manifest)];
        let texts = texts.map(|(file, text)| Arc::new(Text::new(file, text.into())));
        let found = crates(&texts).unwrap();
        assert_eq!(found.len(), 1);
        let names: Vec<_> = found[0].dependencies.iter().map(|dependency| dependency.name.as_str()).collect();
        assert_eq!(names, ["billing", "shipping", "libc"]);
        assert_eq!(found[0].text.place(found[0].dependencies[0].range.clone()).start.line, 4);
    }
}
