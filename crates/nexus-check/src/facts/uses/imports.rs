use std::ops::Range;

use super::{known::Known, packages::Name};
use crate::facts::{
    files::{FileKind, Language},
    source::Source,
    text::is_below,
};

/// What is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A crate, as it is written in paths.
    Crate(String),
    /// A file or directory of the repository.
    Path(String),
}

/// Imports of crates and files that services own. A path is named once a file, where it is first.
pub(crate) fn of_source(source: &Source, known: &Known) -> Vec<(Target, Range<usize>)> {
    let mut found: Vec<(Target, Range<usize>)> = Vec::new();
    for index in 0..source.tokens.len() {
        let target = match source.kind {
            FileKind::Rust => of_rust(source, index, known),
            FileKind::Plain(Language::Script) => of_script(source, index),
            FileKind::Plain(Language::Python) => of_python(source, index, known),
            FileKind::Plain(Language::Go) => of_go(source, index, known),
            FileKind::Plain(Language::Java) => of_java(source, index, known),
            _ => None,
        };
        let Some(target) = target.filter(|target| found.iter().all(|(other, _)| other != target)) else { continue };
        found.extend(source.tokens.get(index).map(|token| (target, token.range.clone())));
    }
    found
}

/// `billing_domain::…`: a path that begins with the name of a crate.
fn of_rust(source: &Source, index: usize, known: &Known) -> Option<Target> {
    let token = source.tokens.get(index).filter(|token| token.is_word())?;
    let name = source.text.get(token.inner.clone());
    let begins = !(source.is_sign(index.wrapping_sub(1), ':') && index >= 3 && source.tokens.get(index - 3)?.is_word());
    let is_path = begins && source.are_signs(index + 1, "::") && known.crates.contains(name);
    is_path.then(|| Target::Crate(name.to_owned()))
}

/// `from "../../billing/src/model"`, `require("…")`, `import("…")`.
fn of_script(source: &Source, index: usize) -> Option<Target> {
    let token = source.tokens.get(index).filter(|token| token.is_text())?;
    let before = index.checked_sub(1)?;
    let called = before.checked_sub(1).map_or("", |word| source.says(word));
    let is_import = ["from", "import"].contains(&source.says(before))
        || (source.is_sign(before, '(') && ["require", "import"].contains(&called));
    let path = source.text.get(token.inner.clone());
    let is_relative = path.starts_with("./") || path.starts_with("../");
    let target = (is_import && is_relative).then(|| resolved(source.text.directory(), path)).flatten();
    target.map(Target::Path)
}

/// `from services.billing.model import …`, `import billing.model`: by the whole path, or by the name of a directory.
fn of_python(source: &Source, index: usize, known: &Known) -> Option<Target> {
    if !source.is_word(index.checked_sub(1)?, "from") && !source.is_word(index - 1, "import") {
        return None;
    }
    let mut path = source.says(index).to_owned();
    let mut at = index;
    while source.is_sign(at + 1, '.') && source.tokens.get(at + 2).is_some_and(|token| token.is_word()) {
        path = format!("{path}/{}", source.says(at + 2));
        at += 2;
    }
    let named = |directory: &&String| {
        let package = directory.rsplit('/').next().unwrap_or("").replace('-', "_");
        is_below(&path, directory) || (!package.is_empty() && is_below(&path, &package))
    };
    known.directories.iter().filter(|directory| !directory.is_empty()).find(named).cloned().map(Target::Path)
}

/// `import "example.com/shop/services/billing/model"`.
fn of_go(source: &Source, index: usize, known: &Known) -> Option<Target> {
    let token = source.tokens.get(index).filter(|token| token.is_text())?;
    let path = source.text.get(token.inner.clone());
    let looks = path.contains('/') && !path.contains("://") && !path.contains(' ');
    let named = |directory: &&String| !directory.is_empty() && format!("{path}/").contains(&format!("/{directory}/"));
    known.directories.iter().filter(|_| looks).find(named).cloned().map(Target::Path)
}

/// `import com.shop.billing.Invoice;`, `import static …`, `import com.shop.billing.*`, and the same in Kotlin: the service
/// that has the file of the class, or else of the package.
fn of_java(source: &Source, index: usize, known: &Known) -> Option<Target> {
    if !source.is_word(index, "import") || source.is_sign(index.wrapping_sub(1), '.') {
        return None;
    }
    let start = index + 1 + usize::from(source.is_word(index + 1, "static"));
    let own = known.service_directory(&source.text.file);
    let files = known.packages.files(&Name::at(source, start));
    let services: Vec<_> = files.into_iter().map(|file| known.service_directory(file)).collect();
    // Two services may have one package; then it is taken from the own one, or from code of no service.
    let reachable = services.iter().any(|service| service.is_none() || *service == own);
    services.into_iter().flatten().next().filter(|_| !reachable).cloned().map(Target::Path)
}

/// A relative path from a directory on; `None` when it leads out of the repository.
fn resolved(directory: &str, path: &str) -> Option<String> {
    let mut parts: Vec<_> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::facts::{text::Text, uses::Packages};

    fn found(text: &str, kind: FileKind) -> Vec<Target> {
        let mut packages = Packages::default();
        for (file, text) in [
            ("services/billing/src/main/java/com/shop/billing/Invoice.java", "/* a */ package com.shop.billing;"),
            ("services/billing/src/Totals.kt", "@file:JvmName(\"T\")\npackage com.shop.billing.`in`\n"),
            ("services/billing/src/Shared.java", "package com.shop.shared;"),
            ("services/orders/src/Own.java", "package com.shop.shared;"),
            ("services/billing/src/Money.java", "package com.shop.money;"),
            ("libs/money/src/Money.java", "package com.shop.money;"),
            ("libs/money/src/Rate.java", "package com.shop.money;"),
            ("services/billing/src/Fee.java", "package com.shop.money;"),
            ("services/billing/src/App.java", "package com.shop;"),
            ("services/billing/src/Bare.java", "class Bare { String s = \"package com.bare;\"; }"),
        ] {
            packages.add(&Source::new(Arc::new(Text::new(file, text.into())), FileKind::Plain(Language::Java)));
        }
        let known = Known {
            packages,
            crates: ["billing_domain".to_owned()].into(),
            directories: ["services/billing".to_owned(), "services/orders".to_owned()].into(),
            ..Known::default()
        };
        let source = Source::new(Arc::new(Text::new("services/orders/src/a", text.into())), kind);
        of_source(&source, &known).into_iter().map(|(target, _)| target).collect()
    }

    #[test]
    fn imports_are_seen_in_every_language() {
        let billing = || vec![Target::Path("services/billing".to_owned())];
        let of_crate = [Target::Crate("billing_domain".to_owned())];
        assert_eq!(found("use billing_domain::{A, B}; fn f(x: billing_domain::C) {}", FileKind::Rust), of_crate);
        assert_eq!(found("use crate::billing_domain::A; let billing_domain = 1;", FileKind::Rust), []);
        let script = FileKind::Plain(Language::Script);
        let model = [Target::Path("services/billing/src/model".to_owned())];
        assert_eq!(found("import { A } from '../../billing/src/model';", script), model);
        assert_eq!(found("const a = require('../../billing/src/model')", script), model);
        assert_eq!(found("import 'react'; x = '../../billing'; import '../../../../out'", script), []);
        let python = FileKind::Plain(Language::Python);
        assert_eq!(found("from billing.model import Invoice", python), billing());
        assert_eq!(found("import services.billing.model", python), billing());
        assert_eq!(found("import billings\nfrom x import billing", python), billing());
        let go = FileKind::Plain(Language::Go);
        assert_eq!(found("import \"example.com/shop/services/billing/model\"", go), billing());
        assert_eq!(found("import \"example.com/billing/model\"", go), []);
    }

    #[test]
    fn imports_of_java_and_kotlin_lead_to_the_service_that_has_the_package() {
        let java = |text: &str| found(text, FileKind::Plain(Language::Java));
        let billing = || vec![Target::Path("services/billing".to_owned())];
        for foreign in [
            "package com.shop.orders;\nimport com.shop.billing.Invoice;",
            "import java.util.List;import com.shop.billing.*;",
            "import static com.shop.billing.Invoice.of;",
            "import com.shop.billing.Invoice.Line;",
            "package com.shop.orders\n\nimport com.shop.billing.Invoice as Bill\nimport com.shop.billing.total",
            "import com.shop.billing.`in`.total",
            "import com . shop . billing\n. Invoice;",
            "import com.shop.App;",
            "import com.shop.shared.Shared;",
            "import com.shop.money.Fee;",
        ] {
            assert_eq!(java(foreign), billing(), "{foreign}");
        }
        for own in [
            "package com.shop.billing.views;",
            "// import com.shop.billing.Invoice;\nString s = \"import com.shop.billing.Invoice;\";",
            "import com.shop.billings.Invoice;",
            "import com.shop.lib.Invoice;",
            "import com.shop.lib.util.of;",
            "import com.bare.Bare;",
            "import com.shop.shared.Own;",
            "import com.shop.shared.*;",
            "import com.shop.money.Money;",
            "import com.shop.money.Rate;",
            "x.import(com.shop.billing.Invoice)",
            "import",
            "import static",
            "import ;",
        ] {
            assert_eq!(java(own), [], "{own}");
        }
    }
}
