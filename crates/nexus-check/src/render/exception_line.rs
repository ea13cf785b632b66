use crate::Finding;

/// The exception that would let a finding pass, as one entry for `exception = [ … ]`; who makes it still has to say who
/// answers for it, why, and until when.
pub(super) fn exception_line(finding: &Finding) -> String {
    let text = |text: &str| toml_text(text);
    format!(
        "{{ rule = {}, place = {}, pointer = {}, owner = {}, reason = \"\", expires = \"\" }}",
        text(finding.rule),
        text(&glob_of(&finding.place.file)),
        text(&finding.pointer),
        text(finding.owner.as_deref().unwrap_or_default())
    )
}

/// The glob that means this file and no other.
fn glob_of(file: &str) -> String {
    let escaped = |c: char| if "*?[]{}\\".contains(c) { format!("[{c}]") } else { c.to_string() };
    file.chars().map(escaped).collect()
}

/// A TOML basic string.
fn toml_text(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            _ if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
