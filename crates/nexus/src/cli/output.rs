use std::io::{IsTerminal as _, Write as _};

use clap::ValueEnum;
use serde_json::Value;

use crate::{Failure, cli::args::Color};

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person.
    Text,
    /// One JSON document.
    Json,
    /// One JSON document a line.
    Jsonl,
}

/// Where and how a verb prints: data to standard output, talk to standard error.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    format: Format,
    colored: bool,
}

impl Output {
    pub(crate) fn new(format: Format, color: Color) -> Self {
        let colored = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => std::env::var_os("NO_COLOR").is_none() && std::io::stdout().is_terminal(),
        };
        Self { format, colored }
    }

    /// The format asked for.
    #[must_use]
    pub fn format(self) -> Format {
        self.format
    }

    /// Whether colours are wanted.
    pub(crate) fn colored(self) -> bool {
        self.colored
    }

    /// The text in bold, where colours are wanted.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        if self.colored { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// The text dimmed, where colours are wanted.
    #[must_use]
    pub fn dim(self, text: &str) -> String {
        if self.colored { format!("\x1b[2m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Prints one document; `text` renders it for a person.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn value(self, value: &Value, text: impl FnOnce(&Value) -> String) -> Result<(), Failure> {
        match self.format {
            Format::Text => self.line(&text(value)),
            Format::Json => self.line(&format!("{value:#}")),
            Format::Jsonl => self.line(&value.to_string()),
        }
    }

    /// Prints a list; an empty one is `[]` as JSON. `text` renders all rows for a person.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn list(self, items: &[Value], text: impl FnOnce(&[Value]) -> String) -> Result<(), Failure> {
        match self.format {
            Format::Text => self.line(&text(items)),
            Format::Json => self.line(&format!("{:#}", Value::Array(items.to_vec()))),
            Format::Jsonl => items.iter().try_for_each(|item| self.line(&item.to_string())),
        }
    }

    /// Prints one line of data.
    ///
    /// # Errors
    /// When standard output cannot be written; a closed pipe ends quietly with exit 0.
    pub fn line(self, text: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
            outcome => outcome.map_err(|error| Failure::usage(format_args!("printing failed: {error}"))),
        }
    }

    /// Says something to the person, not as data.
    pub fn talk(self, text: &str) {
        // Nothing can be said when the terminal is gone.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}

pub(crate) fn complain(failure: &Failure) {
    let _ = writeln!(std::io::stderr().lock(), "{failure}");
}

pub(crate) fn completion(shell: clap_complete::Shell, command: &mut clap::Command) {
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, command, name, &mut std::io::stdout());
}

/// Rows as columns as wide as they need to be.
pub(crate) fn table(output: Output, heads: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(heads.get(column).map(|head| head.len())).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let head = output.dim(&line(heads.to_vec()));
    let body = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    std::iter::once(head).chain(body).collect::<Vec<_>>().join("\n")
}

/// The text of a member, whatever its type; empty when absent.
pub(crate) fn text_of(value: &Value, member: &str) -> String {
    match value.get(member) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
