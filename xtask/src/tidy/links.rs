//! Links between the pages of the repository lead somewhere.

use super::{
    Finding, Repository,
    markdown::{self, Link},
};

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let pages = repository.texts.iter().filter(|(path, _)| path.ends_with(".md"));
    pages
        .flat_map(|(path, text)| {
            let dead = |link: &Link| problem(repository, path, &link.target).map(|what| finding(path, link.line, what));
            markdown::links(text).iter().filter_map(dead).collect::<Vec<_>>()
        })
        .collect()
}

fn finding(path: &str, line: usize, what: String) -> Finding {
    Finding {
        path: path.to_owned(),
        line,
        rule: "links",
        what,
        why: "a dead link costs every reader a search",
        fix: "point it at what was meant, or remove it".to_owned(),
    }
}

fn problem(repository: &Repository, from: &str, target: &str) -> Option<String> {
    let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
    let is_elsewhere = file.contains("://") || file.starts_with("mailto:") || file.starts_with("//");
    if is_elsewhere {
        return None;
    }
    let path = if file.is_empty() { Some(from.to_owned()) } else { resolve(from, file) };
    let Some(path) = path else {
        return Some(format!("`{target}` leads out of the repository"));
    };
    if !repository.has(&path) && !path.is_empty() {
        return Some(format!("`{target}` leads to `{path}`, which does not exist"));
    }
    let is_page = path.ends_with(".md") && !fragment.is_empty();
    let missing = is_page && !markdown::anchors(repository.text(&path)).iter().any(|anchor| anchor == fragment);
    missing.then(|| format!("`{path}` has no heading `#{fragment}`"))
}

/// The path a link means, from the root of the repository; `None` when it leads out of it.
fn resolve(from: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = match link.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => from.rsplit_once('/').map_or("", |(folder, _)| folder).split('/').collect(),
    };
    parts.retain(|part| !part.is_empty());
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(link: &str) -> Vec<(usize, String)> {
        let page = format!("# Title\n\nsee [it]({link})\n");
        let files = [("docs/adr/a.md", page.as_str()), ("docs/b.md", "# Some heading\n"), ("README.md", "")];
        let findings = check(&Repository::planted(&files));
        findings.into_iter().map(|finding| (finding.line, finding.what)).collect()
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        for link in [
            "../b.md",
            "../b.md#some-heading",
            "#title",
            "../../README.md",
            "/README.md",
            "..",
            "./a.md",
            "https://example.com/x.md",
        ] {
            assert_eq!(found(link), [], "{link}");
        }
    }

    #[test]
    fn dead_links_are_findings_on_their_line() {
        assert_eq!(found("../c.md"), [(3, "`../c.md` leads to `docs/c.md`, which does not exist".to_owned())]);
        assert_eq!(found("../b.md#gone"), [(3, "`docs/b.md` has no heading `#gone`".to_owned())]);
        assert_eq!(found("../../../up.md"), [(3, "`../../../up.md` leads out of the repository".to_owned())]);
    }

    #[test]
    fn reference_links_are_followed_too() {
        let files = [("README.md", "see [it][1]\n\n[1]: gone.md\n")];
        assert_eq!(check(&Repository::planted(&files)).len(), 1);
    }
}
