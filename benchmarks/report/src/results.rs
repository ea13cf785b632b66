use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Fallible, Machine};

/// All that a benchmark program measured, section by section; each may come from another run.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Results {
    /// By name.
    pub sections: BTreeMap<String, Section>,
}

/// What one section measured, with the circumstances.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Section {
    /// Where and when.
    pub machine: Machine,
    /// The command that does it again.
    pub command: String,
    /// The figures; their form is the section's own.
    pub data: serde_json::Value,
}

impl Results {
    /// Reads earlier results; none when there is no such file.
    ///
    /// # Errors
    /// When the file cannot be read or is not of this form.
    pub fn load(path: &Path) -> Fallible<Self> {
        match fs::read(path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(format!("cannot read {}: {error}", path.display()).into()),
        }
    }

    /// Keeps the figures of a section in place of earlier ones.
    ///
    /// # Errors
    /// When they cannot be written as JSON.
    pub fn put(&mut self, name: &str, command: &str, machine: Machine, data: &impl Serialize) -> Fallible<()> {
        let section = Section { machine, command: command.to_owned(), data: serde_json::to_value(data)? };
        self.sections.insert(name.to_owned(), section);
        Ok(())
    }

    /// The figures of a section; `None` when it never ran.
    ///
    /// # Errors
    /// When what is stored is not of this form.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Fallible<Option<T>> {
        let data = self.sections.get(name).map(|section| section.data.clone());
        Ok(data.map(serde_json::from_value).transpose()?)
    }

    /// Writes them, readably.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Fallible<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(())
    }
}
